package commands_test

import (
	"math"
	"strconv"
	"testing"

	"redix/commands/servertest"
)

// Positions: replies and errors; what a search finds against measuring every member.

func TestGeo(t *testing.T) {
	do := servertest.Do
	pair := "ERR invalid longitude,latitude pair "
	unit := "ERR unsupported unit provided. please use M, KM, FT, MI"
	place := func(lon, lat string) servertest.Want {
		return servertest.Array(servertest.Double(lon), servertest.Double(lat))
	}
	servertest.Run(t,
		do("GEOADD", "g", "13.361389", "38.115556", "Palermo", "15.087269", "37.502669", "Catania").Int(2), do("GEOADD", "g", "NX", "0", "0", "Palermo").Int(0),
		do("GEOADD", "g", "XX", "CH", "13.361389", "38.115556", "Palermo", "1", "1", "new").Int(0), do("GEOADD", "g", "CH", "13.583333", "37.316667", "Agrigento").Int(1),
		do("ZSCORE", "g", "Palermo").Double("3479099956230698"), do("GEODIST", "g", "Palermo", "Catania").Bulk("166274.1516"),
		do("GEODIST", "g", "Palermo", "Catania", "km").Bulk("166.2742"), do("GEODIST", "g", "Palermo", "Catania", "MI").Bulk("103.3182"),
		do("GEODIST", "g", "Palermo", "Catania", "ft").Bulk("545518.8700"), do("GEODIST", "g", "Palermo", "none").Null(), do("GEODIST", "none", "a", "b").Null(),
		do("GEODIST", "g", "Palermo", "Palermo").Bulk("0.0000"), do("GEODIST", "none", "a", "b", "x").Err(unit), do("GEODIST", "g", "a", "b", "m", "x").Err(syntax),
		do("GEOHASH", "g", "Palermo", "none", "Catania").Array("sqc8b49rny0", nil, "sqdtr74hyu0"), do("GEOHASH", "none", "a").Array(nil), do("GEOHASH", "g").Array(),
		do("GEOPOS", "g", "Palermo", "none").Array(place("13.36138933897018433", "38.11555639549629859"), nil), do("GEOPOS", "none", "a").Array(nil),
		do("GEORADIUS", "g", "15", "37", "200", "km").Array("Agrigento", "Palermo", "Catania").Any(), do("GEORADIUS", "g", "15", "37", "200", "km", "ASC").Array("Catania", "Agrigento", "Palermo"),
		do("GEORADIUS", "g", "15", "37", "200", "km", "WITHDIST", "WITHHASH", "WITHCOORD", "COUNT", "1").Array(
			[]any{"Catania", "56.4413", 3479447370796909, place("15.08726745843887329", "37.50266842333162032")}),
		do("GEORADIUS_RO", "g", "15", "37", "100", "km").Array("Catania"), do("GEORADIUS_RO", "g", "15", "37", "100", "km", "STORE", "x").Err(syntax),
		do("GEORADIUSBYMEMBER", "g", "Agrigento", "100", "km").Sorted("Agrigento", "Palermo"), do("GEORADIUSBYMEMBER_RO", "g", "none", "1", "m").Err("ERR could not decode requested zset member"),
		do("GEORADIUSBYMEMBER", "none", "x", "bad", "unit").Array(), do("GEORADIUS", "none", "15", "37", "1", "m").Array(),
		do("GEOSEARCH", "g", "FROMLONLAT", "15", "37", "BYBOX", "400", "400", "km", "ASC").Array("Catania", "Agrigento", "Palermo"),
		do("GEOSEARCH", "g", "FROMMEMBER", "Palermo", "BYRADIUS", "200", "km", "DESC", "COUNT", "2").Array("Catania", "Agrigento"),
		do("GEOSEARCH", "g", "BYRADIUS", "200", "km", "COUNT", "1", "ANY", "FROMLONLAT", "15", "37", "WITHDIST").Len(1),
		do("GEOSEARCHSTORE", "d", "g", "FROMLONLAT", "15", "37", "BYRADIUS", "100", "km").Int(1), do("ZSCORE", "d", "Catania").Double("3479447370796909"),
		do("GEOSEARCHSTORE", "d", "g", "FROMLONLAT", "15", "37", "BYRADIUS", "1", "m").Int(0), do("EXISTS", "d").Int(0), do("SET", "d", "v").OK(),
		do("GEORADIUS", "g", "15", "37", "200", "km", "STOREDIST", "d").Int(3), do("ZRANGE", "d", "0", "-1").Array("Catania", "Agrigento", "Palermo"),
		do("GEORADIUS", "none", "15", "37", "200", "km", "STORE", "d").Int(0), do("EXISTS", "d").Int(0), do("GEOSEARCHSTORE", "g2", "g", "STOREDIST", "FROMMEMBER", "Palermo", "BYBOX", "1", "1", "m").Int(1),
		do("ZSCORE", "g2", "Palermo").Double("0"),

		do("GEOADD", "g", "179.9999", "0", "east", "-180", "0", "west", "179.99", "0.01", "near", "0", "85.05", "north").Int(4),
		do("GEOSEARCH", "g", "FROMLONLAT", "179.995", "0", "BYBOX", "10", "10", "km").Sorted("east", "near", "west"), do("GEODIST", "g", "east", "west").Bulk("11.3366"),
		do("GEOSEARCH", "g", "FROMLONLAT", "-179.995", "0", "BYRADIUS", "3", "km").Sorted("east", "near", "west"),
		do("GEOSEARCH", "g", "FROMLONLAT", "180", "85", "BYRADIUS", "2000", "km").Array("north").Any(), do("GEOSEARCH", "g", "FROMLONLAT", "0", "0", "BYRADIUS", "inf", "km").Any(),
		do("GEOSEARCH", "g", "FROMLONLAT", "0", "0", "BYRADIUS", "30000", "km", "ASC").Any(), do("GEOSEARCH", "g", "FROMLONLAT", "0", "0", "BYRADIUS", "0", "m").Array(),

		do("GEOADD", "g", "181", "0", "x").Err(pair+"181.000000,0.000000"), do("GEOADD", "g", "0", "-86", "x").Err(pair+"0.000000,-86.000000"), do("GEOADD", "g", "inf", "0", "x").Err(pair+"inf,0.000000"),
		do("GEOADD", "g", "a", "0", "x").Err(notFloat), do("GEOADD", "g", "0", "0", "ok", "0", "b", "x").Err(notFloat), do("ZSCORE", "g", "ok").Null(),
		do("GEOADD", "g", "0", "0", "x", "1").Err(syntax), do("GEOADD", "g", "NX", "XX", "0", "0", "x").Err(syntax), do("GEOADD", "g", "0", "0").Err("ERR wrong number"),
		do("GEORADIUS", "g", "0", "0", "-1", "m").Err("ERR radius cannot be negative"), do("GEORADIUS", "g", "0", "0", "x", "m").Err("ERR need numeric radius"),
		do("GEORADIUS", "g", "0", "0", "1", "cm").Err(unit), do("GEORADIUS", "g", "0", "0", "1", "m", "COUNT", "0").Err("ERR COUNT must be > 0"),
		do("GEORADIUS", "g", "0", "0", "1", "m", "COUNT", "x").Err(notInt), do("GEORADIUS", "g", "0", "0", "1", "m", "ANY").Err("ERR the ANY argument requires COUNT argument"),
		do("GEORADIUS", "g", "0", "0", "1", "m", "WITHDIST", "STORE", "x").Err("ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and WITHCOORD options"),
		do("GEOSEARCHSTORE", "x", "g", "FROMLONLAT", "0", "0", "BYRADIUS", "1", "m", "WITHCOORD").Err("ERR GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and WITHCOORD options"),
		do("GEOSEARCH", "g", "BYRADIUS", "1", "m", "ASC", "WITHDIST").Err("ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for GEOSEARCH"),
		do("geosearch", "g", "FROMLONLAT", "0", "0", "ASC", "WITHDIST").Err("ERR exactly one of BYRADIUS and BYBOX can be specified for geosearch"),
		do("GEOSEARCH", "g", "FROMLONLAT", "0", "0", "FROMMEMBER", "a", "BYRADIUS", "1", "m").Err(syntax), do("GEOSEARCH", "g", "FROMLONLAT", "0", "0", "BYBOX", "1", "1", "m", "BYRADIUS", "1", "m").Err(syntax),
		do("GEOSEARCH", "g", "FROMLONLAT", "0", "0", "BYBOX", "1", "-1", "m").Err("ERR height or width cannot be negative"), do("GEOSEARCH", "g", "FROMLONLAT", "0", "0", "BYBOX", "x", "1", "m").Err("ERR need numeric width"),
		do("GEOSEARCH", "g", "FROMLONLAT", "0", "0", "BYBOX", "1", "x", "m").Err("ERR need numeric height"), do("GEOSEARCH", "g", "FROMLONLAT", "0", "0", "BYRADIUS", "1", "m", "STOREDIST").Err(syntax),
		do("GEOSEARCH", "none", "FROMMEMBER", "x", "BYRADIUS", "1", "m").Array(), do("GEOSEARCH", "none", "FROMMEMBER", "x", "BYRADIUS", "1", "parsec").Err(unit),
		do("SET", "s", "v").OK(), do("GEOADD", "s", "0", "0", "a").Err(wrongType), do("GEOPOS", "s", "a").Err(wrongType), do("GEOSEARCH", "s", "x", "y", "z", "w", "v").Err(wrongType),
		do("GEORADIUS", "s", "x", "0", "1", "m").Err(wrongType), do("GEODIST", "s", "a", "b").Err(wrongType), do("GEOHASH", "s", "a").Err(wrongType),
	)
}

// TestGeoFindsAll measures every member itself. Searches stay away from the poles and below a quarter of the earth, where
// redis-server's cells cover everything.
func TestGeoFindsAll(t *testing.T) {
	g := newSource(t, "g")
	l := servertest.NewLocal(t)
	const n = 1000
	for i := range n {
		lon, lat := g.Float64()*360-180, g.Float64()*140-70
		if i%2 == 0 {
			lon = math.Mod(lon/40+360, 360) - 180 // around the antimeridian
		}
		l.Do("GEOADD", "g", strconv.FormatFloat(lon, 'f', 6, 64), strconv.FormatFloat(lat, 'f', 6, 64), strconv.Itoa(i))
	}
	for range 60 {
		from, radius := strconv.Itoa(g.IntN(n)), strconv.Itoa(1+g.IntN(pick(g, []int{10, 1000, 4000})))
		found := map[string]bool{}
		for _, m := range l.Do("GEOSEARCH", "g", "FROMMEMBER", from, "BYRADIUS", radius, "km").Strings() {
			found[m] = true
		}
		most, _ := strconv.ParseFloat(radius, 64)
		for i := range n {
			d, _ := strconv.ParseFloat(l.Do("GEODIST", "g", from, strconv.Itoa(i), "km").Str, 64)
			if found[strconv.Itoa(i)] != (d <= most) && math.Abs(d-most) > 0.01 {
				t.Fatalf("%s km around %s: %d at %v km, found %v", radius, from, i, d, found[strconv.Itoa(i)])
			}
		}
	}
}
