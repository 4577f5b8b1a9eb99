package fleetdata

import "unbrick/server/form"

// MoreBefore reports whether there are acts before those that were asked for.
func (c *Client) MoreBefore() bool { return c.nextAct != "" }

// ActsBefore asks for the acts before those on the screen.
func (c *Client) ActsBefore() {
	if c.nextAct == "" {
		return
	}
	c.asked++
	c.getActs("&cursor="+Escape(c.nextAct), c.Acts)
}

// getActs asks for a page of the audit log, behind those that came before.
func (c *Client) getActs(cursor string, newer []form.Act) {
	c.get(form.AuditPath+"?limit="+onePage+cursor, GotActs, func(o any) {
		page := read[form.Acts](o)
		c.Acts, c.nextAct = append(newer, page.Acts...), page.Next
	})
}
