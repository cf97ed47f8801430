package resp

// The same bytes go to a real redis-server and through this package, and must mean the same.

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/redcon"

	"redix/engine/peer"
)

// startRedis starts a redis-server of its own and returns its address, or skips the test where there is none.
func startRedis(t *testing.T, options ...string) string {
	t.Helper()
	path := peer.Server(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	_, port, _ := net.SplitHostPort(address)
	listener.Close()
	options = append([]string{"--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", t.TempDir()}, options...)
	cmd := exec.Command(path, options...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if conn, err := net.Dial("tcp", address); err == nil {
			conn.Close()
			return address
		}
		if time.Now().After(deadline) {
			t.Fatal("redis-server does not answer")
		}
	}
}

// exchange sends a stream and the end of it, and returns everything that the server answers before it closes.
func exchange(t *testing.T, address string, stream []byte) string {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = conn.Write(stream) // fails when the server closes early, after an error
		_ = conn.(*net.TCPConn).CloseWrite()
	}()
	var answer bytes.Buffer
	_, err = io.Copy(&answer, conn)
	<-done
	if err != nil && !strings.Contains(err.Error(), "reset") {
		t.Fatal(err)
	}
	return answer.String()
}

// expected asks the server for the replies to what this package made of stream, one plain frame after the other.
func expected(t *testing.T, address string, o outcome) string {
	var plain []byte
	for _, frame := range o.frames {
		if len(frame) > 0 {
			plain = append(plain, frameOf(frame...)...)
		}
	}
	answer := exchange(t, address, plain)
	if o.err != "" {
		answer += "-ERR " + o.err + "\r\n"
	}
	return answer
}

func compare(t *testing.T, address string, stream []byte, authenticated bool) {
	t.Helper()
	o := run(bytes.Clone(stream), testLimits(), authenticated, false, whole)
	if got, want := expected(t, address, o), exchange(t, address, stream); got != want {
		t.Fatalf("%.200q is %s\n   here %.300q\n   real %.300q", stream, o, got, want)
	}
}

func TestParserLikeRedis(t *testing.T) {
	address := startRedis(t)
	long := strings.Repeat("x", 65536)
	for _, stream := range []string{
		"*1\r\n\x01\r\n", "*1\r\n\xff\r\n", "*1\r\n\r\n", "*1\r\n\n\r\n", "*1\rx$4\rxPINGzz", "*2147483648\r\n", "*2147483647\r\n",
		"*-9223372036854775808\r\nPING\r\n", "*-9223372036854775809\r\n", "*-0\r\n", "*01\r\n", "*+1\r\n", "*\r\n", "* 1\r\n", "*1\r\n$\r\n",
		"*1\r\n$01\r\n", "*1\r\n$-0\r\n", "*1\r\n$-1\r\n", "*1\r\n$-2\r\n", "*1\r\n$9223372036854775807\r\n", "*3000000000\r\n",
		"*1\r\n$536870913\r\n", "*1\r\n$536870912\r\n", "*1\r\nPING\r\n", "*2\r\n$4\r\nECHO\r\n$2\r\nab\r\n", "*0\r\n*-5\r\nPING\r\n",
		"*2\r\n$4\r\nECHO\r\n$0\r\n\r\n", "$4\r\nPING\r\n", "\vPING\f\r\n", "PI\vNG\r\n", "echo foo\"bar baz\"\r\n", `echo "a\0b"` + "\n",
		`echo "\x4g"` + "\r\n", `echo "a\"b" ` + "\n", `echo 'a\'b\n'` + "\n", `echo "a"b` + "\n", `echo "a` + "\n", `echo a"` + "\n",
		`echo ""` + "\n", `echo "\n\r\t\b\a\\\xfF"` + "\n", "\r\n\n \r\nPING\n", "echo a\rb\r\n", "echo 'a'\v'b'\n", "echo \"a\\\n",
		"PING\r\nPING\r\n*x\r\nPING\r\n", "\r\r\n", "*1\r", "*1", "echo a", "*1\r\n$4\r\nPIN",
		long, long + "x", "*1" + long[:65534], "*1" + long[:65535], "*1\r\n" + long, "*1\r\n" + long + "x",
	} {
		compare(t, address, []byte(stream), true)
	}
}

func TestParserLikeRedisUnauthenticated(t *testing.T) {
	address := startRedis(t, "--requirepass", "x")
	for _, stream := range []string{
		"*10\r\n", "*11\r\n", "*2147483648\r\n", "*1\r\n$16384\r\n", "*1\r\n$16385\r\n", "*1\r\n$536870913\r\n", "*1\r\n$4\r\nPING\r\n",
		frameOf("ECHO", "1", "2", "3", "4", "5", "6", "7", "8", "9"), "ECHO 1 2 3\r\n",
	} {
		compare(t, address, []byte(stream), false)
	}
}

// TestParserLikeRedisRandom damages streams of plain commands.
func TestParserLikeRedisRandom(t *testing.T) {
	address := startRedis(t)
	rng := seeded(t)
	const damage = "\r\n$*'\"\\ x019-\xff\v"
	for range 1000 {
		stream := randomStream(rng)
		for range rng.IntN(4) {
			i := rng.IntN(len(stream))
			switch b := damage[rng.IntN(len(damage))]; rng.IntN(3) {
			case 0:
				stream[i] = b
			case 1:
				stream = slices.Insert(stream, i, b)
			case 2:
				if len(stream) > 1 {
					stream = slices.Delete(stream, i, i+1)
				}
			}
		}
		compare(t, address, stream, true)
	}
}

// randomStream is a pipeline of commands that answer with what they were given.
func randomStream(rng *rand.Rand) []byte {
	var stream []byte
	word := func() string {
		b := make([]byte, rng.IntN(14))
		for i := range b {
			b[i] = "ab'\"\\x1 \t\r"[rng.IntN(10)]
		}
		return string(b)
	}
	for range 1 + rng.IntN(4) {
		switch rng.IntN(4) {
		case 0:
			stream = append(stream, frameOf("ECHO", word())...)
		case 1:
			stream = append(stream, frameOf("unknown", word(), word(), word())...)
		case 2:
			stream = fmt.Appendf(stream, "ECHO %s\r\n", word())
		case 3:
			stream = fmt.Appendf(stream, "unknown %s \"%s\" '%s'\n", word(), word(), word())
		}
	}
	return stream
}

// replies splits the answer to a pipeline of n commands.
func replies(t *testing.T, answer string, n int) []redcon.RESP {
	t.Helper()
	all := make([]redcon.RESP, n)
	rest := []byte(answer)
	for i := range all {
		size, r := redcon.ReadNextRESP(rest)
		if size == 0 {
			t.Fatalf("reply %d of %d is %.100q", i, n, rest)
		}
		all[i], rest = r, rest[size:]
	}
	return all
}

// randomNumber spells a number in one of many ways, and sometimes wrongly.
func randomNumber(rng *rand.Rand) string {
	digits := func(most int) string {
		b := make([]byte, rng.IntN(most+1))
		for i := range b {
			b[i] = byte('0' + rng.IntN(10))
		}
		return string(b)
	}
	sign := []string{"", "", "-", "+"}[rng.IntN(4)]
	switch rng.IntN(12) {
	case 0:
		return sign + []string{"inf", "INFINITY", "nan", "infi", "", ".", "0x", "0x.", "1e", "0x1p", "1 ", " 1", "-"}[rng.IntN(13)]
	case 1:
		return sign + "0x" + digits(9) + "." + digits(9) + []string{"", "a", "p3", "P-70", "e9"}[rng.IntN(5)]
	case 2:
		return sign + digits(3) + "." + digits(3) + "e" + []string{"", "-", "+"}[rng.IntN(3)] + digits(4)
	case 3:
		return sign + digits(25) + "." + digits(45)
	case 4:
		return sign + digits(20) + "e" + strconv.Itoa(rng.IntN(80)-50)
	case 5:
		return strconv.FormatInt(rng.Int64()-rng.Int64(), 10)
	case 6:
		return strconv.FormatFloat(math.Float64frombits(rng.Uint64()), 'g', -1, 64)
	case 7:
		return sign + digits(21)
	default:
		return strconv.Itoa(rng.IntN(2000)-1000) + "." + digits(1+rng.IntN(18))
	}
}

func TestAddLongDoubleLikeRedis(t *testing.T) {
	address := startRedis(t)
	rng := seeded(t)
	const count = 6000
	var stream []byte
	var pairs [][2]string
	for range count {
		pair := [2]string{randomNumber(rng), randomNumber(rng)}
		pairs = append(pairs, pair)
		stream = append(stream, frameOf("SET", "k", pair[0])...)
		stream = append(stream, frameOf("INCRBYFLOAT", "k", pair[1])...)
	}
	all := replies(t, exchange(t, address, stream), 2*count)
	refused := 0
	for i, pair := range pairs {
		got, err := AddLongDouble([]byte(pair[0]), []byte(pair[1]))
		if err != nil {
			got = []byte(err.Error())
			refused++
		}
		if want := all[2*i+1].String(); string(got) != want {
			t.Errorf("%q + %q = %s, want %s", pair[0], pair[1], got, want)
		}
	}
	if refused == 0 || refused > count/2 {
		t.Errorf("%d of %d refused: the test compares too little", refused, count)
	}
}

func TestParseNumbersLikeRedis(t *testing.T) {
	address := startRedis(t)
	rng := seeded(t)
	const count = 6000
	var stream []byte
	var texts []string
	for range count {
		text := randomNumber(rng)
		texts = append(texts, text)
		stream = append(stream, frameOf("DEL", "i", "z")...)
		stream = append(stream, frameOf("INCRBY", "i", text)...)
		stream = append(stream, frameOf("ZADD", "z", text, "m")...)
		stream = append(stream, frameOf("ZSCORE", "z", "m")...)
	}
	all := replies(t, exchange(t, address, stream), 4*count)
	for i, text := range texts {
		n, ok := ParseInt([]byte(text))
		if r := all[4*i+1]; ok != (r.Type == redcon.Integer) || ok && n != r.Int() {
			t.Errorf("ParseInt %q: %d %v, want %s", text, n, ok, r)
		}
		f, ok := ParseFloat([]byte(text))
		if r := all[4*i+2]; ok != (r.Type == redcon.Integer) {
			t.Errorf("ParseFloat %q: %v %v, want %s", text, f, ok, r)
		} else if score := all[4*i+3]; ok && f != score.Float() {
			t.Errorf("ParseFloat %q: %v, want %s", text, f, score)
		}
	}
}
