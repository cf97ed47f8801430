package commands

// Where users come from and where they are kept: requirepass, the user lines of the configuration, the ACL file.

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"redix/engine"
	"redix/engine/acl"
	"redix/engine/config"
)

const (
	errNoACLFile = "ERR This Redis instance is not configured to use an ACL file. You may want to specify users via the ACL " +
		"SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in order to " +
		"store users in the Redis configuration."
	errACLSave = "ERR There was an error trying to save the ACLs. Please check the server logs for more information"
)

// maxACLFile is the size in bytes at which a file is taken for a mistake.
const maxACLFile = 64 << 20

// Secure renames commands and brings in the users that the configuration or the ACL file declares, before the server
// runs. The error is one line that names the place of what is wrong.
func Secure(s *engine.Server) error {
	for _, line := range s.Config.RenamedCommands {
		if err := s.Table.Rename(line.Words[0], line.Words[1]); err != nil {
			return fmt.Errorf("%s: rename-command: %w", line.Place, err)
		}
	}
	if s.Config.ACLFile == "" {
		return declareUsers(s)
	}
	if n := len(s.Config.Users); n > 0 {
		return fmt.Errorf("%s: user: expected users either here or in the aclfile, not both", s.Config.Users[0].Place)
	}
	fresh, err := readUsers(s.Users, s.Config.ACLFile)
	if err != nil {
		return fmt.Errorf("aclfile: %w", err)
	}
	s.Users.Replace(fresh, func(_, _ *acl.User) {})
	return nil
}

// declareUsers takes the user lines. The default user starts anew if it is among them, whatever requirepass says.
func declareUsers(s *engine.Server) error {
	seen := map[string]bool{}
	for _, line := range s.Config.Users {
		name, rules := line.Words[0], line.Words[1:]
		err := error(nil)
		switch {
		case acl.HasSpaces(name):
			err = errors.New("spaces are not allowed in ACL usernames")
		case seen[name]:
			//lint:ignore ST1005 the text is redis-server's
			err = errors.New("Duplicate user found. A user can only be defined once in config files")
		default:
			err = s.Users.Set(name, append([]string{"reset"}, rules...), nil)
		}
		var wrong *acl.RuleError
		if errors.As(err, &wrong) && wrong.Rule != "" && strings.ContainsRune("<>#!", rune(wrong.Rule[0])) {
			err = errors.New(string(wrong.Problem)) // the rule is a password
		}
		if err != nil {
			return fmt.Errorf("%s: user %s: %w", line.Place, name, err)
		}
		seen[name] = true
		if !s.Users.Get([]byte(name)).Enabled {
			s.Log.Info("the user is disabled: there is no 'on' in its description; make sure that this is meant", "user", name)
		}
	}
	return nil
}

// readUsers reads an ACL file into a list of its own.
func readUsers(users *acl.Users, path string) (*acl.Users, error) {
	info, err := os.Stat(path)
	if err == nil && info.Size() > maxACLFile {
		err = errors.New("file too large")
	}
	var content []byte
	if err == nil {
		content, err = os.ReadFile(path)
	}
	if err != nil {
		var plain *os.PathError
		if errors.As(err, &plain) {
			err = plain.Err
		}
		text := err.Error()
		//lint:ignore ST1005 the reply is redis-server's text
		return nil, fmt.Errorf("Error loading ACLs, opening file '%s': %s", path, strings.ToUpper(text[:1])+text[1:])
	}
	return users.Parse(path, string(content))
}

// followUsers makes the users follow a directive that CONFIG SET has changed.
func followUsers(s *engine.Server, d *config.Directive) {
	switch d.Name {
	case "requirepass":
		s.Users.SetDefaultPassword(s.Config.RequirePass)
	case "acl-pubsub-default":
		s.Users.Defaults.AllChannels = s.Config.ACLPubSubDefault == config.AllChannels
	}
}

// userLines are the lines of the configuration that bring the users back; none for a default user who is as requirepass
// says, and none at all with an ACL file, which is where users are kept then.
func userLines(s *engine.Server) []config.Line {
	if s.Config.ACLFile != "" {
		return nil
	}
	standard := acl.NewUsers(s.Users.Catalog, s.Users.Defaults)
	standard.SetDefaultPassword(s.Config.RequirePass)
	var lines []config.Line
	for _, u := range s.Users.All() {
		if rules := u.String(); u.Name != acl.DefaultName || rules != standard.Default.String() {
			lines = append(lines, config.Line{Words: append([]string{u.Name}, strings.Fields(rules)...)})
		}
	}
	return lines
}

// aclLoad reads the file away from the loop; what changes between the command and its end is lost.
func aclLoad(c *engine.Client, args engine.Args) { c.Server().RunAhead(c, args) }

// readACLFile is engine.Ahead. After an ACL SAVE of the same transaction, what that is going to write is loaded.
func readACLFile(c *engine.Client, _ engine.Args, _ *config.Config) engine.Prepared {
	s := c.Server()
	path := s.Config.ACLFile
	if path == "" {
		return engine.Prepared{Then: func(c *engine.Client) { c.Reply.Error(errNoACLFile) }}
	}
	var fresh *acl.Users
	var err error
	users := &acl.Users{Catalog: s.Users.Catalog, Defaults: s.Users.Defaults}
	return engine.Prepared{Work: func() { fresh, err = readUsers(users, path) }, Then: func(c *engine.Client) {
		if c != nil && c.InExec() && s.Users.Unsaved != nil {
			fresh, err = users.Parse(path, string(s.Users.Unsaved))
		}
		if err != nil {
			s.Log.Warn("the ACL file was not loaded", "error", err)
			if c != nil {
				c.Reply.Error("ERR " + err.Error())
			}
			return
		}
		s.Users.Replace(fresh, func(now, then *acl.User) {
			if then == nil {
				s.ExpelUser(now)
			} else {
				s.UserChanged(now, then)
			}
		})
		if c != nil {
			c.Reply.OK()
		}
	}}
}

// aclSave writes the file away from the loop.
func aclSave(c *engine.Client, _ engine.Args) {
	s := c.Server()
	path := s.Config.ACLFile
	if path == "" {
		c.Reply.Error(errNoACLFile)
		return
	}
	content := s.Users.Render()
	before := s.Users.Unsaved
	s.Users.Unsaved = content
	var err error
	begun := s.Offload(c, func() {
		if target, problem := filepath.EvalSymlinks(path); problem == nil {
			path = target // a link stays one
		}
		err = config.ReplaceFile(path, string(content), aclFileMode)
	}, func(c *engine.Client) {
		s.Users.Unsaved = nil
		if err != nil {
			s.Log.Warn("the ACL file was not saved", "error", err)
		}
		switch {
		case c == nil:
		case err != nil:
			c.Reply.Error(errACLSave)
		default:
			c.Reply.OK()
		}
	})
	if !begun {
		s.Users.Unsaved = before
	}
}

// aclFileMode lets others read no hashes.
const aclFileMode = 0o600
