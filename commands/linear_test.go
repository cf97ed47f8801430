package commands_test

// Under appendfsync always the whole history, through kills of the server, must be linearizable: as if each acknowledged
// command had taken effect at one moment between its call and its reply, and no moment were taken back. A write that was on
// its way when the server was killed may have taken effect at any time after its call, or never. Porcupine checks it.

import (
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"redix/commands/servertest"

	"github.com/anishathalye/porcupine"
)

const (
	linearClients = 6
	linearKeys    = 8
	linearRounds  = 5   // kills
	linearOps     = 250 // of each client in a round, at most
)

type linearOp struct {
	key   int
	write bool
	value string // written
}

// linearModel is a register for each key.
var linearModel = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		byKey := make([][]porcupine.Operation, linearKeys)
		for _, op := range history {
			k := op.Input.(linearOp).key
			byKey[k] = append(byKey[k], op)
		}
		return byKey
	},
	Init: func() any { return "$" }, // what servertest makes of null
	Step: func(state, input, output any) (bool, any) {
		if op := input.(linearOp); op.write {
			return true, op.value
		}
		return output.(string) == state.(string), state
	},
}

func TestCrashLinearizable(t *testing.T) {
	seed := newSource(t, "l").Uint64()
	dir := t.TempDir()
	began := time.Now()
	var mu sync.Mutex
	var history []porcupine.Operation
	note := func(op porcupine.Operation) {
		mu.Lock()
		history = append(history, op)
		mu.Unlock()
	}
	never := int64(1) << 62
	for round := range linearRounds {
		p := servertest.StartProcess(t, "--appendonly", "yes", "--appendfsync", "always", "--dir", dir)
		var clients sync.WaitGroup
		for id := range linearClients {
			rng := rand.New(rand.NewPCG(seed, uint64(round*linearClients+id)))
			clients.Go(func() {
				conn, err := servertest.TryDial(t, p.Addr)
				for n := 0; err == nil && n < linearOps; n++ {
					op := linearOp{key: rng.IntN(linearKeys), write: rng.IntN(2) == 0}
					words := []string{"GET", strconv.Itoa(op.key)}
					if op.write {
						op.value = strconv.Itoa(round) + "-" + strconv.Itoa(id) + "-" + strconv.Itoa(n)
						words = []string{"SET", strconv.Itoa(op.key), op.value}
					}
					call := int64(time.Since(began))
					var v servertest.Value
					if v, err = conn.TryDo(words...); err == nil {
						note(porcupine.Operation{ClientId: id, Input: op, Call: call, Output: v.Str, Return: int64(time.Since(began))})
					} else if op.write { // nobody knows
						note(porcupine.Operation{ClientId: linearClients + round*linearClients + id, Input: op, Call: call, Output: "", Return: never})
					}
				}
			})
		}
		time.Sleep(time.Duration(10+rand.New(rand.NewPCG(seed, uint64(1000+round))).IntN(60)) * time.Millisecond)
		p.Kill()
		clients.Wait()
	}
	if len(history) < 200 {
		t.Fatalf("only %d operations", len(history))
	}
	t.Logf("%d operations", len(history))
	switch porcupine.CheckOperationsTimeout(linearModel, history, 30*time.Second) {
	case porcupine.Illegal:
		t.Error("the history is not linearizable")
	case porcupine.Unknown:
		t.Error("the history takes too long to check")
	}
	// The checker sees what it should: a read of what was never written.
	wrong := append(history[:len(history):len(history)], porcupine.Operation{Input: linearOp{key: 0}, Call: int64(time.Since(began)),
		Output: "never written", Return: int64(time.Since(began)) + 1})
	if porcupine.CheckOperationsTimeout(linearModel, wrong, 30*time.Second) != porcupine.Illegal {
		t.Error("a read of what was never written passes")
	}
}
