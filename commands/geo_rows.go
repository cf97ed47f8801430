package commands

import "redix/engine"

// The rows of the geo group. A legend is at engine.Row.

var _ = register(geoRows)

// radiusKeys are the keys of GEORADIUS and GEORADIUSBYMEMBER, whose options begin at place options.
func radiusKeys(options int) []engine.KeySpec {
	keys := engine.OneKey(1, "RO access")
	for _, word := range []string{"STORE", "STOREDIST"} {
		keys = append(keys, engine.KeySpec{Flags: "OW update", Keyword: word, Start: options, EachKeyword: true, Step: 1})
	}
	return keys
}

const (
	geoCost     = "O(N+log(M)), N the members in the cells around the shape, M those of the set."
	geoUnit     = "<M | KM | FT | MI>{unit}"
	geoOptions  = "[WITHCOORD] [WITHDIST] [WITHHASH]"
	geoCount    = "[COUNT count [ANY]]{count-block}"
	geoCountNew = "[COUNT count [ANY{@6.2.0}]]{count-block}" // where redis-server tells it
	geoOrder    = "[ASC | DESC]{order}"
	geoStore    = "[STORE key{storekey} | STOREDIST key{storedistkey}]{store}"
	geoWhere    = "<FROMMEMBER member | FROMLONLAT longitude latitude>{from} <<BYRADIUS radius " + geoUnit + ">{circle} | " +
		"<BYBOX=width height " + geoUnit + ">{box}>{by} " + geoOrder + " " + geoCount
)

var geoRows = []engine.Row{
	{Name: "geoadd", Arity: -5, Flags: engine.Write | engine.DenyOOM, Keys: engine.OneKey(1, "RW update"), Group: "geo",
		Since: "3.2.0", Complexity: "O(log(N)) for each member added, N the members of the set.",
		Summary: "Adds members with positions, or moves them.",
		Syntax:  "key [NX | XX]{condition@6.2.0} [CH{change@6.2.0}] longitude latitude member [longitude latitude member ...]{data}",
		History: []string{"6.2.0: The CH, NX and XX options."}, Handler: geoadd},
	{Name: "geodist", Arity: -4, Flags: engine.Readonly, Keys: engine.OneKey(1, "RO access"), Group: "geo", Since: "3.2.0",
		Complexity: "O(1)", Summary: "Replies with the distance between two members.",
		Syntax: "key member1 member2 [M | KM | FT | MI]{unit}", Handler: geodist},
	{Name: "geohash", Arity: -2, Flags: engine.Readonly, Keys: engine.OneKey(1, "RO access"), Group: "geo", Since: "3.2.0",
		Complexity: "O(N), N the members asked for.", Summary: "Replies with the geohash texts of members.",
		Syntax: "key [member [member ...]]", Handler: geohash},
	{Name: "geopos", Arity: -2, Flags: engine.Readonly, Keys: engine.OneKey(1, "RO access"), Group: "geo", Since: "3.2.0",
		Complexity: "O(N), N the members asked for.", Summary: "Replies with the positions of members.",
		Syntax: "key [member [member ...]]", Handler: geopos},
	{Name: "georadius", Arity: -6, Flags: engine.Write | engine.DenyOOM | engine.MovableKeys, Keys: radiusKeys(6), Group: "geo",
		Since: "3.2.0", Complexity: geoCost, Summary: "Finds the members around a position, and may store them.",
		Syntax:     "key longitude latitude radius " + geoUnit + " " + geoOptions + " " + geoCountNew + " " + geoOrder + " " + geoStore,
		History:    []string{"6.2.0: The ANY option.", "7.0.0: Units in capitals."},
		Deprecated: "6.2.0", Replaced: "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` argument", Handler: georadius},
	{Name: "georadius_ro", Arity: -6, Flags: engine.Readonly, Keys: engine.OneKey(1, "RO access"), Group: "geo", Since: "3.2.10",
		Complexity: geoCost, Summary: "Finds the members around a position.",
		Syntax:  "key longitude latitude radius " + geoUnit + " " + geoOptions + " " + geoCountNew + " " + geoOrder,
		History: []string{"6.2.0: The ANY option."}, Deprecated: "6.2.0",
		Replaced: "`GEOSEARCH` with the `BYRADIUS` argument", Handler: georadiusRO},
	{Name: "georadiusbymember", Arity: -5, Flags: engine.Write | engine.DenyOOM | engine.MovableKeys, Keys: radiusKeys(5), Group: "geo",
		Since: "3.2.0", Complexity: geoCost, Summary: "Finds the members around another, and may store them.",
		Syntax:     "key member radius " + geoUnit + " " + geoOptions + " " + geoCount + " " + geoOrder + " " + geoStore,
		History:    []string{"6.2.0: The ANY option.", "7.0.0: Units in capitals."},
		Deprecated: "6.2.0", Replaced: "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` and `FROMMEMBER` arguments",
		Handler: georadiusbymember},
	{Name: "georadiusbymember_ro", Arity: -5, Flags: engine.Readonly, Keys: engine.OneKey(1, "RO access"), Group: "geo",
		Since: "3.2.10", Complexity: geoCost, Summary: "Finds the members around another.",
		Syntax:     "key member radius " + geoUnit + " " + geoOptions + " " + geoCount + " " + geoOrder,
		Deprecated: "6.2.0", Replaced: "`GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments", Handler: georadiusbymemberRO},
	{Name: "geosearch", Arity: -7, Flags: engine.Readonly, Keys: engine.OneKey(1, "RO access"), Group: "geo", Since: "6.2.0",
		Complexity: geoCost, Summary: "Finds the members in a circle or a box.",
		Syntax:  "key " + geoWhere + " " + geoOptions,
		History: []string{"7.0.0: Units in capitals."}, Handler: geosearch},
	{Name: "geosearchstore", Arity: -8, Flags: engine.Write | engine.DenyOOM,
		Keys: append(engine.OneKey(1, "OW update"), engine.OneKey(2, "RO access")...), Group: "geo", Since: "6.2.0",
		Complexity: geoCost, Summary: "Stores the members in a circle or a box.",
		Syntax:  "destination source " + geoWhere + " [STOREDIST]",
		History: []string{"7.0.0: Units in capitals."}, Handler: geosearchstore},
}
