package acl

import (
	"strings"
	"testing"
)

// testCatalog has a command, a container, and a command that anybody may run.
func testCatalog() *Catalog {
	c := &Catalog{}
	read, admin := CategoryNamed("read"), CategoryNamed("admin")
	config := &Command{Name: "config"}
	for _, cmd := range []*Command{{Name: "get", Categories: read}, config, {Name: "config|get", Categories: admin | read, Parent: config},
		{Name: "config|set", Categories: admin, Parent: config}, {Name: "auth", NoAuth: true}, {Name: "select"}} {
		c.Add(cmd)
	}
	return c
}

// Whatever the rules are, nothing panics; what is taken is shown in a form that makes the same user again, alone and in
// a file; what is not taken changes nothing.
func FuzzRules(f *testing.F) {
	for _, rules := range []string{"on\n>a\n~x\n+get", "(+get\n~a)\n(%R~b +@all -config|get)", "#abc\n!\n<\n>\n&\n~\n%\n+\n-\n+|\n(\n)\n()",
		"allkeys\nallchannels\nallcommands\nreset", "+select|0\n+select\n-select", "(\"a b\" '", "+config|get|x\n+@\n-@read", "\x00\n(\x00)", "%RWR~x\n%~", "(&))"} {
		f.Add(rules, "user u "+strings.ReplaceAll(rules, "\n", " "))
	}
	f.Fuzz(func(t *testing.T, rules, file string) {
		// Each line copies and prints the whole user: the time grows with the square of their number.
		if len(rules) > 1<<10 || len(file) > 4<<10 {
			t.Skip("longer than what is tried")
		}
		us := NewUsers(testCatalog(), Defaults{})
		for _, r := range strings.Split(rules, "\n") {
			before := ""
			if u := us.Get([]byte("u")); u != nil {
				before = u.String()
			}
			err := us.Set("u", []string{r}, func(now, then *User) { Lost(now, then) })
			if u := us.Get([]byte("u")); err != nil && u != nil && u.String() != before {
				t.Fatalf("%q failed (%v) and changed %q to %q", r, err, before, u.String())
			}
		}
		if u := us.Get([]byte("u")); u != nil {
			again := strings.Split(u.String(), " ")
			if err := us.Set("v", again, nil); err != nil {
				t.Fatalf("%q: %v", again, err)
			}
			v := us.Get([]byte("v"))
			if v.String() != u.String() || v.Restricted != u.Restricted {
				t.Fatalf("%q set anew is %q", u, v)
			}
			for i := range u.Selectors {
				if u.Selectors[i].bits != v.Selectors[i].bits || u.Selectors[i].allCommands != v.Selectors[i].allCommands && len(u.Selectors[i].rules) == 0 {
					t.Fatalf("%q set anew allows other commands", u)
				}
			}
			read, err := us.Parse("f", string(us.Render()))
			if err != nil || string(read.Render()) != string(us.Render()) {
				t.Fatalf("%q from a file: %v", us.Render(), err)
			}
		}
		if read, err := us.Parse("f", file); err == nil {
			us.Replace(read, func(_, _ *User) {})
			if string(us.Render()) != string(read.Render()) || us.Get([]byte(DefaultName)) != us.Default {
				t.Fatalf("%q after %q", us.Render(), file)
			}
		}
	})
}

// A selector's patterns may not end in a parenthesis: in a file that would be the selector's end.
func TestSelectorWithParenthesis(t *testing.T) {
	us := NewUsers(testCatalog(), Defaults{})
	for _, rule := range []string{"(&))", "(~a) +get)", "(%R~a))", "(+select|))"} {
		if err := us.Set("u", []string{rule}, nil); err == nil || !strings.HasSuffix(err.Error(), "Syntax error") {
			t.Errorf("%q: %v", rule, err)
		}
	}
	if err := us.Set("u", []string{"~a)", "&)", "(~a)b &(c)"}, nil); err != nil {
		t.Error(err)
	}
	if read, err := us.Parse("f", string(us.Render())); err != nil || string(read.Render()) != string(us.Render()) {
		t.Errorf("%q from a file: %v", us.Render(), err)
	}
}

func TestCheck(t *testing.T) {
	us := NewUsers(testCatalog(), Defaults{})
	call := func(words string, keys ...Ref) *Call {
		c := &Call{Keys: keys}
		for _, w := range strings.Fields(words) {
			c.Args = append(c.Args, []byte(w))
		}
		c.Command = us.Catalog.Lookup(string(c.Args[0]))
		return c
	}
	if err := us.Set("u", strings.Fields("+get ~a* %R~r (+select|0) (+config ~c)"), nil); err != nil {
		t.Fatal(err)
	}
	u := us.Get([]byte("u"))
	for _, test := range []struct {
		call  *Call
		want  Denial
		place int
	}{
		{call("get a1", Ref{Place: 1, Perm: ReadWrite}), Allowed, 0},
		{call("get r", Ref{Place: 1, Perm: Read}), Allowed, 0},
		{call("get r", Ref{Place: 1, Perm: Write}), DeniedKey, 1},
		{call("get r", Ref{Place: 1}), Allowed, 0},
		{call("get a r b", Ref{Place: 1}, Ref{Place: 2}, Ref{Place: 3}), DeniedKey, 3},
		{call("select 0"), Allowed, 0}, {call("select 1"), DeniedCommand, 0}, {call("select"), DeniedCommand, 0},
		{call("config|get x"), Allowed, 0}, {call("auth x"), Allowed, 0},
	} {
		if got, place := u.Check(test.call); got != test.want || place != test.place {
			t.Errorf("%q: %v at %d, want %v at %d", test.call.Args, got, place, test.want, test.place)
		}
	}
	if us.Authenticate([]byte("u"), nil) != nil || us.Authenticate([]byte("nobody"), nil) != nil {
		t.Error("let in without a password")
	}
}
