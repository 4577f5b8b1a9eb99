// Package part is the components that the screens are composed of: buttons with their questions, facts, a pane, the two answers of
// a failure. They take what they show as fields, keep what only they need, and tell what a person wants by events.
package part
