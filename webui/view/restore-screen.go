package view

// RestoreScreen is what a person with a dead device sees.
type RestoreScreen struct{ Page *Root }

func (c *RestoreScreen) writing() bool { return c.Page.Busy() }

func (c *RestoreScreen) pane() pane { return c.Page.restorePane() }
