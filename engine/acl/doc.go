// Package acl decides who may do what: users, their passwords, and the commands, keys and channels that they may use.
//
//	user ─► selector (root) ─► commands: a bit for each, in a bitmap
//	    └─► selector ...       keys:     patterns, each for reading, writing or both
//	                           channels: patterns
//
// A command may run when one selector allows all of it. Rules, their texts and what each of them changes are those of
// redis-server 7.2's ACL SETUSER: a rule acts on the state that the rules before it have left, and categories are
// resolved when they are given. What was given is kept beside the bits, so that ACL LIST shows it in the same order.
//
// The package knows no command by name: a Catalog is filled from the table of commands, and who asks says which keys
// and channels a call names. Nothing here is locked; the loop owns it.
package acl
