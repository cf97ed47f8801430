package commands

import "math"

// Positions as numbers. Longitude and latitude are each a share of their range in up to 26 bits; the bits of both, one
// from each in turn, are a cell's number:
//
//	longitude -180 .. 180              bits 51 49 47 ... 1
//	latitude  -85.05.. .. 85.05..      bits 50 48 46 ... 0
//
// 52 bits fit into a double, so a position is a score, and a cell of fewer bits is a range of scores. This is
// redis-server's layout, and so are the roundings here: scores and distances must be its own, and a search must find what
// its search finds. So sums and products are kept apart by conversions, which forbid to fuse them.

const (
	geoBits   = 26
	geoLonMax = 180.0
	geoLatMax = 85.05112878

	earthRadius = 6372797.560856 // meters
	mercatorMax = 20037726.37    // meters, half the equator and a little
)

// radian is a degree as redis-server computes it: pi has been rounded before it is divided.
var radian = func(pi float64) float64 { return pi / 180 }(math.Pi)

func toRadians(degrees float64) float64 { return degrees * radian }
func toDegrees(radians float64) float64 { return radians / radian }

// position is a place on the earth, in degrees.
type position struct{ lon, lat float64 }

func (p position) valid() bool {
	return p.lon >= -geoLonMax && p.lon <= geoLonMax && p.lat >= -geoLatMax && p.lat <= geoLatMax
}

// cell is a part of the earth: its number in steps bits of longitude and latitude each. The zero cell is none.
type cell struct {
	bits  uint64
	steps int
}

// area is what a cell covers.
type area struct{ low, high position }

// spread puts a zero bit before each of the lower 32 bits.
func spread(x uint64) uint64 {
	x = (x | x<<16) & 0x0000ffff0000ffff
	x = (x | x<<8) & 0x00ff00ff00ff00ff
	x = (x | x<<4) & 0x0f0f0f0f0f0f0f0f
	x = (x | x<<2) & 0x3333333333333333
	return (x | x<<1) & 0x5555555555555555
}

// gatherBits undoes spread, of the even bits.
func gatherBits(x uint64) uint64 {
	x &= 0x5555555555555555
	x = (x | x>>1) & 0x3333333333333333
	x = (x | x>>2) & 0x0f0f0f0f0f0f0f0f
	x = (x | x>>4) & 0x00ff00ff00ff00ff
	x = (x | x>>8) & 0x0000ffff0000ffff
	return (x | x>>16) & 0x00000000ffffffff
}

// cellAt returns the cell of a position where latitudes go to latMax.
func cellAt(p position, steps int, latMax float64) cell {
	size := float64(uint64(1) << steps)
	lat := float64((p.lat+latMax)/(latMax+latMax)) * size
	lon := float64((p.lon+geoLonMax)/(geoLonMax+geoLonMax)) * size
	return cell{spread(uint64(uint32(lat))) | spread(uint64(uint32(lon)))<<1, steps}
}

// area returns what the cell covers.
func (c cell) area() area {
	size := float64(uint64(1) << c.steps)
	side := func(n uint64, most float64) float64 { return float64(float64(n)/size*(most+most)) - most }
	lat, lon := gatherBits(c.bits), gatherBits(c.bits>>1)
	return area{position{side(lon, geoLonMax), side(lat, geoLatMax)}, position{side(lon+1, geoLonMax), side(lat+1, geoLatMax)}}
}

// move returns the cell so many cells to the east and to the north. East and west meet at the antimeridian; past a pole,
// one comes out at the other, as in redis-server.
func (c cell) move(east, north int) cell {
	mask := uint64(1)<<c.steps - 1
	lat, lon := gatherBits(c.bits), gatherBits(c.bits>>1)
	if east != 0 {
		lon = (lon + uint64(east)) & mask
	}
	if north != 0 {
		lat = (lat + uint64(north)) & mask
	}
	return cell{spread(lat) | spread(lon)<<1, c.steps}
}

// scores returns the range of scores in the cell, its end not included.
func (c cell) scores() (low, high float64) {
	shift := 2 * (geoBits - c.steps)
	return float64(c.bits << shift), float64((c.bits + 1) << shift)
}

// scoreOf is a position as a score.
func scoreOf(p position) float64 { return float64(cellAt(p, geoBits, geoLatMax).bits) }

// positionOf is the middle of the smallest cell with this score. A score that is none gives some position.
func positionOf(score float64) position {
	a := cell{scoreBits(score), geoBits}.area()
	return position{clamp((a.low.lon+a.high.lon)/2, geoLonMax), clamp((a.low.lat+a.high.lat)/2, geoLatMax)}
}

// scoreBits is a score as an integer; what is none becomes what redis-server makes of it on common processors.
func scoreBits(score float64) uint64 {
	switch {
	case score >= 1<<64:
		return 0
	case score >= 1<<63:
		return uint64(int64(score-1<<63)) ^ 1<<63
	case score >= -1<<63:
		return uint64(int64(score))
	}
	return 1 << 63
}

func clamp(f, most float64) float64 { return min(max(f, -most), most) }

// distance returns the meters between two positions on a sphere, by the haversine formula.
func distance(a, b position) float64 {
	v := preciseSin((toRadians(b.lon) - toRadians(a.lon)) / 2)
	if v == 0 {
		return latDistance(a.lat, b.lat)
	}
	lat1, lat2 := toRadians(a.lat), toRadians(b.lat)
	u := preciseSin((lat2 - lat1) / 2)
	h := float64(u*u) + float64(float64(float64(preciseCos(lat1)*preciseCos(lat2))*v)*v)
	return 2 * earthRadius * preciseAsin(math.Sqrt(h))
}

// latDistance returns the meters between two latitudes.
func latDistance(a, b float64) float64 { return earthRadius * math.Abs(toRadians(b)-toRadians(a)) }

// geoShape is what a search covers: a circle, or a box when width is not negative. All in meters.
type geoShape struct {
	center        position
	radius        float64
	width, height float64
	box           bool
}

// holds tells whether a position is in the shape, and how far it is from the center.
func (s *geoShape) holds(p position) (meters float64, ok bool) {
	if !s.box {
		meters = distance(s.center, p)
		return meters, meters <= s.radius
	}
	if latDistance(p.lat, s.center.lat) > s.height/2 || distance(p, position{s.center.lon, p.lat}) > s.width/2 {
		return 0, false
	}
	return distance(s.center, p), true
}

// bounds returns the area that the shape lies in. Its width is measured where it is widest: at the side nearer to a pole.
func (s *geoShape) bounds() area {
	height, width := s.radius, s.radius
	if s.box {
		height, width = s.height/2, s.width/2
	}
	lat := toDegrees(height / earthRadius)
	side := s.center.lat + lat
	if s.center.lat < 0 {
		side = s.center.lat - lat
	}
	lon := toDegrees(width / earthRadius / math.Cos(toRadians(side)))
	return area{position{s.center.lon - lon, s.center.lat - lat}, position{s.center.lon + lon, s.center.lat + lat}}
}

// stepsFor returns how small cells may be so that a cell and those around it cover a circle.
func stepsFor(meters, lat float64) int {
	if meters == 0 {
		return geoBits
	}
	steps := 1
	for ; meters < mercatorMax; meters *= 2 {
		steps++
	}
	steps -= 2
	if lat = math.Abs(lat); lat > 66 {
		if steps--; lat > 80 {
			steps--
		}
	}
	return min(max(steps, 1), geoBits)
}

// around are the steps to the cells that are searched, in order: here, north, south, east, west, and the corners.
var around = [9][2]int{{0, 0}, {0, 1}, {0, -1}, {1, 0}, {-1, 0}, {1, 1}, {-1, 1}, {1, -1}, {-1, -1}}

// cells returns the cells that cover the shape; those without any of it are zero.
func (s *geoShape) cells() (cells [9]cell) {
	bounds := s.bounds()
	radius := s.radius
	if s.box {
		radius = math.Sqrt(float64(s.width/2*(s.width/2)) + float64(s.height/2*(s.height/2)))
	}
	steps := stepsFor(radius, s.center.lat)
	here := cellAt(s.center, steps, geoLatMax)
	if steps > 1 && (here.move(0, 1).area().high.lat < bounds.high.lat || here.move(0, -1).area().low.lat > bounds.low.lat ||
		here.move(1, 0).area().high.lon < bounds.high.lon || here.move(-1, 0).area().low.lon > bounds.low.lon) {
		steps--
		here = cellAt(s.center, steps, geoLatMax)
	}
	covered := here.area()
	for i, d := range around {
		useless := d[1] < 0 && covered.low.lat < bounds.low.lat || d[1] > 0 && covered.high.lat > bounds.high.lat ||
			d[0] < 0 && covered.low.lon < bounds.low.lon || d[0] > 0 && covered.high.lon > bounds.high.lon
		if steps < 2 || !useless {
			cells[i] = here.move(d[0], d[1])
		}
	}
	return cells
}
