package rdb

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"redix/engine/seeds"
)

// buffer is strings one after the other, as a snapshot gives them out to be compressed later.
func buffer(strings [][]byte) (b []byte, spans []Span) {
	z := Compressor{Compress: true, Later: &spans}
	for _, s := range strings {
		b = z.AppendString(b, s)
	}
	return b, spans
}

func noise(rng *rand.Rand, n int) []byte {
	s := make([]byte, n)
	for i := range s {
		s[i] = byte(rng.Uint32())
	}
	return s
}

// TestRecompressInPieces compares strings compressed later, in pieces of any length, with the same ones compressed at once. They
// are too few to be judged by.
func TestRecompressInPieces(t *testing.T) {
	rng := rand.New(rand.NewPCG(seeds.Draw(t), 1))
	var strings [][]byte
	for range 60 {
		if rng.IntN(2) == 0 {
			strings = append(strings, noise(rng, rng.IntN(300)))
		} else {
			strings = append(strings, bytes.Repeat([]byte{byte(rng.Uint32())}, rng.IntN(300)))
		}
	}
	var want []byte
	once := Compressor{Compress: true}
	for _, s := range strings {
		want = once.AppendString(want, s)
	}
	b, spans := buffer(strings)
	var got []byte
	z := Compressor{Compress: true}
	for from := 0; from < len(b); {
		n := rng.IntN(len(spans) + 1)
		to := len(b)
		if n < len(spans) {
			to = int(spans[n].At)
		}
		got = z.Recompress(got, b[from:to], from, spans[:n])
		from, spans = to, spans[n:]
	}
	if !bytes.Equal(got, want) {
		t.Fatalf("%d bytes in pieces, %d at once, or others", len(got), len(want))
	}
}

// TestCompressingIsTriedWhereItPays counts the strings that are tried: few of noise, then all of what gets shorter, soon; and all
// the time where every second string does.
func TestCompressingIsTriedWhereItPays(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	text := bytes.Repeat([]byte("twenty-four characters, "), 8)
	z := Compressor{Compress: true}
	shorter := func(strings [][]byte) (tried int, saved int) {
		b, spans := buffer(strings)
		before := z.base
		out := z.Recompress(nil, b, 0, spans)
		return int(z.base-before) / (len(text) + 1), len(b) - len(out) // base counts the bytes that were tried
	}
	var noisy, texts, mixed [][]byte
	for i := range 4000 {
		noisy, texts = append(noisy, noise(rng, len(text))), append(texts, text)
		mixed = append(mixed, [][]byte{noisy[i], text}[i%2])
	}
	if tried, saved := shorter(noisy); tried > len(noisy)/5 || tried < len(noisy)/16 || saved != 0 {
		t.Errorf("%d of %d strings of noise tried, %d bytes saved", tried, len(noisy), saved)
	}
	if tried, saved := shorter(texts); tried < len(texts)*9/10 || saved < len(texts)*len(text)/2 {
		t.Errorf("%d of %d texts tried after the noise, %d bytes saved", tried, len(texts), saved)
	}
	shorter(noisy)
	if tried, saved := shorter(mixed); tried < len(mixed)*9/10 || saved < len(mixed)*len(text)/5 {
		t.Errorf("%d of %d tried where every second gets shorter, %d bytes saved", tried, len(mixed), saved)
	}
}
