package commands_test

import "strconv"

// Random commands on bitmaps. Offsets that are written stay below a few thousand, or are refused: a string of hundreds of
// megabytes would only cost time.

func init() {
	diffGroups["b"] = "bitmap"
	shapes["b"] = []shape{
		{"setbit", 12, []part{key, bitPlace, one(number(0, 1), number(0, 1), number(-1, 2), value)}},
		{"getbit", 6, []part{key, one(bitPlace, farBit)}},
		{"bitcount", 6, []part{key, opt(bitIndex, bitIndex, opt(one(lit("BYTE"), lit("BIT"))))}},
		{"bitpos", 8, []part{key, one(number(0, 1), number(0, 1), number(-1, 2), value),
			opt(bitIndex, opt(bitIndex, opt(one(lit("BYTE"), lit("BIT")))))}},
		{"bitop", 6, []part{one(lit("AND"), lit("OR"), lit("XOR")), key, many(5, key)}},
		{"bitop", 1, []part{one(lit("AND"), lit("OR"), lit("XOR"), lit("NOT")), key, many(25, key)}},
		{"bitop", 2, []part{lit("NOT"), key, key}},
		{"bitfield", 12, []part{key, many(5, one(fieldRead, fieldWrite, fieldWrite, fieldMode))}},
		{"bitfield", 1, []part{key}},
		{"bitfield_ro", 3, []part{key, many(3, fieldRead)}},
		{"bitfield_ro", 1, []part{key, many(3, one(fieldRead, fieldWrite))}},
		{"set", 4, []part{key, value}},
		{"get", 3, []part{key}},
		{"append", 1, []part{key, value}},
		{"incr", 1, []part{key}},
		{"expire", 1, []part{key, seconds}},
		{"object encoding", 3, []part{key}},
	}
}

// bitPlace is the number of a bit to be written.
func bitPlace(g *source) []word {
	switch g.IntN(10) {
	case 0:
		return pinned(pick(g, []string{"-1", "4294967296", "9223372036854775807", "-9223372036854775808", "x", "", "1.5", "#1", "-0",
			"+1", " 1", "99999999999999999999"}))
	case 1:
		return pinned(strconv.Itoa(8*pick(g, sizes) + g.IntN(3) - 1))
	}
	return pinned(strconv.Itoa(g.IntN(200)))
}

// farBit is one that only reading can afford.
func farBit(g *source) []word {
	return pinned(pick(g, []string{"4294967295", "2147483648", "1000000"}))
}

func bitIndex(g *source) []word {
	if g.IntN(5) == 0 {
		return integer(g)
	}
	return free(strconv.Itoa(g.IntN(120) - 60))
}

func fieldType(g *source) []word {
	if g.IntN(15) == 0 {
		return pinned(pick(g, []string{"u64", "i65", "u0", "i0", "I8", "i", "", "8", "u08", "i 8", "u-1"}))
	}
	width := pick(g, []int{1, 2, 5, 7, 8, 9, 16, 31, 32, 33, 57, 58, 62, 63, 64, 1 + g.IntN(64)})
	if width < 64 && g.IntN(2) == 0 {
		return pinned("u" + strconv.Itoa(width))
	}
	return pinned("i" + strconv.Itoa(width))
}

func fieldPlace(g *source) []word {
	switch g.IntN(8) {
	case 0, 1:
		return pinned("#" + strconv.Itoa(g.IntN(20)))
	case 2:
		return pinned(pick(g, []string{"#", "#-1", "##1", "#x", "#99999999999", "# 1"}))
	}
	return bitPlace(g)
}

func fieldRead(g *source) []word {
	return seq(lit("GET"), fieldType, one(fieldPlace, fieldPlace, farBit))(g)
}

func fieldWrite(g *source) []word {
	return seq(one(lit("SET"), lit("INCRBY")), fieldType, fieldPlace, integer)(g)
}

func fieldMode(g *source) []word {
	return seq(lit("OVERFLOW"), one(lit("WRAP"), lit("SAT"), lit("FAIL"), lit("FAIL"), lit("NONE")))(g)
}
