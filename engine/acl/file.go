package acl

import (
	"errors"
	"fmt"
	"strings"
)

// The file of aclfile holds a line for each user, "user", the name and the rules, separated by single spaces. There are
// no quotes and no comments: the file is written anew by ACL SAVE.

// warnUnchanged ends the list of what is wrong with a file.
const warnUnchanged = "WARNING: ACL errors detected, no change to the previously active ACL rules was performed"

// Render returns the lines of all users.
func (us *Users) Render() []byte {
	var out []byte
	for _, u := range us.All() {
		out = append(append(out, "user "+u.Name+" "+u.String()...), '\n')
	}
	return out
}

// Parse reads the content of a file into a list of its own; name stands for the file in the error, which tells all that
// is wrong. The list has a default user who may do everything unless the file says otherwise.
func (us *Users) Parse(name, content string) (*Users, error) {
	fresh := NewUsers(us.Catalog, us.Defaults)
	delete(fresh.byName, DefaultName)
	problems := ""
	for i, line := range strings.Split(content, "\n") {
		if line = strings.Trim(line, " \t\r\n"); line != "" {
			problems += fresh.parseLine(fmt.Sprintf("%s:%d", name, i+1), i+1, strings.Split(line, " "))
		}
	}
	if problems != "" {
		return nil, errors.New(problems + warnUnchanged)
	}
	if u := fresh.byName[DefaultName]; u != nil {
		fresh.Default = u
	}
	fresh.byName[DefaultName] = fresh.Default
	return fresh, nil
}

// parseLine adds a user; it returns what is wrong with the line. Passwords must not get into a log, so that of all rules
// only names of commands are repeated.
func (us *Users) parseLine(place string, number int, words []string) (problems string) {
	switch {
	case words[0] != "user" || len(words) < 2:
		return place + " should start with user keyword followed by the username. "
	case HasSpaces(words[1]):
		return fmt.Sprintf("'%s: username '%s' contains invalid characters. ", place, words[1])
	case us.byName[words[1]] != nil:
		return fmt.Sprintf("WARNING: Duplicate user '%s' found on line %d. ", words[1], number)
	}
	u := newUser(words[1], us.Defaults)
	us.byName[u.Name] = u
	rules, err := joinSelectors(words[2:])
	if err != nil {
		return place + ": Unmatched parenthesis in selector definition."
	}
	told := false
	for _, r := range rules {
		r = strings.Trim(r, "\t\r\n")
		switch err := u.apply(us.Catalog, r, us.Defaults); {
		case err == problemUnknown:
			problems += fmt.Sprintf("%s: Error in applying operation '%s': %s. ", place, r, err)
		case err != nil && !told:
			problems += fmt.Sprintf("%s: %s. ", place, err)
			told = true
		}
	}
	u.settle()
	return problems
}

// Replace puts the users of another list in the place of these. The default user and others that stay keep their
// identity. change is called for each user of before, with what he will be, or nil if he is gone.
func (us *Users) Replace(fresh *Users, change func(now, then *User)) {
	for _, u := range us.All() {
		then := fresh.byName[u.Name]
		change(u, then)
		if then == nil {
			delete(us.byName, u.Name)
			continue
		}
		u.become(then)
	}
	for name, u := range fresh.byName {
		if us.byName[name] == nil {
			us.byName[name] = u
		}
	}
}
