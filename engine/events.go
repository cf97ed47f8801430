package engine

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"redix/engine/config"
	"redix/engine/keyspace"
)

// Events. A handler tells, right after a key has changed, what happened to it (c.Event). Three things listen: WATCH
// (transaction.go), clients that wait for a key (blocking.go), and keyspace notifications. While nobody does, an event
// costs one comparison.

// EventClass is the class of a keyspace notification.
type EventClass uint16

// The classes, in the order of config.EventLetters.
const (
	EventGeneric   EventClass = 1 << iota // g
	EventString                           // $
	EventList                             // l
	EventSet                              // s
	EventHash                             // h
	EventZset                             // z
	EventExpired                          // x
	EventEvicted                          // e
	EventStream                           // t
	EventModule                           // d
	EventNew                              // n: a key was created
	eventsKeyspace                        // K: to __keyspace@<db>__:<key>
	eventsKeyevent                        // E: to __keyevent@<db>__:<event>
	EventMiss                             // m: a key that was read is not there
	EventQuiet                            // beside another class: clients that wait for the key need not look again

	eventsAll = EventNew - 1 // A
)

// notifications makes the directive's classes be published. Without K and E nothing is.
func (s *Server) notifications(letters string) {
	s.notify = 0
	for i := range len(letters) {
		if letters[i] == 'A' {
			s.notify |= eventsAll
		} else {
			s.notify |= 1 << strings.IndexByte(config.EventLetters, letters[i])
		}
	}
	if s.notify&(eventsKeyspace|eventsKeyevent) == 0 {
		s.notify = 0
	}
	s.Keyspace.TellCreated = s.notify&EventNew != 0
	s.listen()
}

// listen notes whether anybody listens to events.
func (s *Server) listen() {
	s.listening = s.notify != 0 || len(s.watched) > 0 || len(s.waitKeys) > 0 || len(s.trackers) > 0
}

// Event tells that the key of the client's database has changed, after the change.
func (c *Client) Event(class EventClass, name string, key []byte) {
	if c.server.listening {
		c.server.event(c.DB.ID, class, name, key)
	}
}

// Event is Client.Event for a database of its own: MOVE, COPY, expiry.
func (s *Server) Event(db int, class EventClass, name string, key []byte) {
	if s.listening {
		s.event(db, class, name, key)
	}
}

func (s *Server) event(db int, class EventClass, name string, key []byte) {
	if class&(EventMiss|EventNew) == 0 {
		if len(s.watched) > 0 {
			s.breakWatches(db, key, class == EventExpired)
		}
		if len(s.waitKeys) > 0 && class&EventQuiet == 0 {
			s.keyChanged(db, key)
		}
		if len(s.trackers) > 0 {
			s.keyInvalid(key, class&(EventExpired|EventEvicted) == 0)
		}
	}
	if s.notify&class == 0 {
		return
	}
	prefix := func(kind string) []byte {
		b := append(s.channel[:0], "__key"...)
		b = append(b, kind...)
		b = append(b, '@')
		b = strconv.AppendInt(b, int64(db), 10)
		return append(b, "__:"...)
	}
	if s.notify&eventsKeyspace != 0 {
		s.channel = append(prefix("space"), key...)
		s.Publish(s.channel, []byte(name))
	}
	if s.notify&eventsKeyevent != 0 {
		s.channel = append(prefix("event"), name...)
		s.Publish(s.channel, key)
	}
}

// Created is keyspace.Observer: a key has been made, told while TellCreated is set.
func (s *Server) Created(db *keyspace.DB, key []byte) { s.Event(db.ID, EventNew, "new", key) }

// DBChanged tells that all keys of a database may have changed: before FLUSHDB, FLUSHALL, and for both databases of
// SWAPDB. Watches of keys that exist are broken; clients that wait for keys that come, or want to know when
// they go, look again.
func (s *Server) DBChanged(db *keyspace.DB, other *keyspace.DB) {
	for k := range s.watched {
		if k.db != db.ID {
			continue
		}
		_, here := db.Find([]byte(k.key))
		there, stale := false, false
		if other != nil {
			_, there = other.Find([]byte(k.key))
			stale = there && s.hasExpired(dbKey{other.ID, k.key})
		}
		if here || there {
			s.replaceWatched(k, here, there, stale)
		}
	}
	var queues []*waitQueue
	for k, q := range s.waitKeys {
		if k.db != db.ID {
			continue
		}
		comes := false
		if other != nil {
			_, comes = other.Find([]byte(k.key))
		}
		if comes || q.onMissing > 0 {
			queues = append(queues, q)
		}
	}
	slices.SortFunc(queues, func(a, b *waitQueue) int { // who has waited longest comes first
		return cmp.Compare(a.clients[0].blocked.serial, b.clients[0].blocked.serial)
	})
	for _, q := range queues {
		s.queueReady(q)
	}
}
