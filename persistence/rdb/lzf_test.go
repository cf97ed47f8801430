package rdb

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"redix/engine/seeds"
)

func TestCRC64(t *testing.T) {
	if got := CRC64(0, []byte("123456789")); got != 0xe9c6d914c4b8d9ca {
		t.Errorf("%x, want the one that crc64.c of Redis tests itself with", got)
	}
	if got := CRC64(CRC64(0, []byte("1234")), []byte("56789")); got != 0xe9c6d914c4b8d9ca {
		t.Errorf("%x in two parts", got)
	}
}

// TestLZF compresses strings of repetitions at all distances, and noise, one after the other with one table.
func TestLZF(t *testing.T) {
	rng := rand.New(rand.NewPCG(seeds.Draw(t), 1))
	z := Compressor{Compress: true, base: 1<<31 - 100000}
	for range 3000 {
		var s []byte
		for n := 21 + rng.IntN(1<<rng.IntN(17)); len(s) < n; {
			switch k := 1 + rng.IntN(600); {
			case len(s) > 0 && rng.IntN(3) > 0:
				from := rng.IntN(len(s))
				s = append(s, s[from:min(len(s), from+k)]...)
			case rng.IntN(2) == 0:
				s = append(s, bytes.Repeat([]byte{byte(rng.Uint32())}, k)...)
			default:
				for range k {
					s = append(s, byte(rng.Uint32()))
				}
			}
		}
		s = s[:min(len(s), lzfMaxBytes)]
		if !z.compress(s) {
			continue
		}
		got, ok := decompress([]byte("before"), z.out, uint64(len(s)))
		if !ok || string(got) != "before"+string(s) {
			t.Fatalf("%d bytes in %d came back wrong", len(s), len(z.out))
		}
		if _, ok := decompress(nil, z.out, uint64(len(s))-1); ok {
			t.Fatal("more bytes than told")
		}
		if _, ok := decompress(nil, z.out, uint64(len(s))+1); ok {
			t.Fatal("fewer bytes than told")
		}
	}
}

func TestLZFRatio(t *testing.T) {
	z := Compressor{Compress: true}
	if s := strings.Repeat("x", 1000); len(z.AppendString(nil, []byte(s))) > 25 {
		t.Errorf("1000 times x takes %d bytes", len(z.AppendString(nil, []byte(s))))
	}
	json := strings.Repeat(`{"id":12345,"name":"somebody","tags":["a","b"]},`, 20)
	if n := len(z.AppendString(nil, []byte(json))); n > 120 {
		t.Errorf("%d bytes of JSON take %d", len(json), n)
	}
}

func BenchmarkCompressNoise(b *testing.B) {
	z := Compressor{Compress: true}
	s := make([]byte, 128)
	for i := range s {
		s[i] = byte(rand.Uint32())
	}
	b.SetBytes(int64(len(s)))
	var dst []byte
	for b.Loop() {
		dst = z.AppendString(dst[:0], s)
	}
}

func BenchmarkCompressText(b *testing.B) {
	z := Compressor{Compress: true}
	s := []byte(strings.Repeat(`{"id":12345,"name":"somebody","tags":["a","b"]},`, 3))
	b.SetBytes(int64(len(s)))
	var dst []byte
	for b.Loop() {
		dst = z.AppendString(dst[:0], s)
	}
}
