package fleetdata

import "unbrick/server/form"

// askWho asks whether the browser's cookie is somebody's, as it is behind a sign-in by an identity provider, and what provider there is.
func (c *Client) askWho() {
	if c.told {
		return
	}
	c.told = true
	asked := c.asked
	c.browser.Fetch(Request{Method: "GET", Path: form.WhoAmIPath}, func(status int, answer any) {
		if asked != c.asked || status != 200 {
			return
		}
		who := read[form.Who](answer)
		if who.Provider != nil {
			c.By = *who.Provider
		}
		if who.Account != "" && !c.out {
			c.signed(who.Account)
		}
	})
}
