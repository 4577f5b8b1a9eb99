package fleetdata

import "unbrick/server/form"

// Trouble is why something that was sent was not done.
type Trouble struct {
	Of     string // the form or the button that sent it; empty: there was none
	Status int    // 0: nobody answered, and whether it was done is not known
	form.Problem
}

// send sends a change, one at a time, and asks anew. of names the form or the button beside which a refusal is shown. When it is done,
// said is, for a moment, and then takes the answer.
func (c *Client) send(of, method, path string, body map[string]any, said string, then func(answer any)) {
	if c.Busy != "" {
		return
	}
	c.Busy, c.Trouble = of, Trouble{}
	life := c.life
	c.browser.Fetch(Request{Method: method, Path: path, Body: body}, func(status int, answer any) {
		if life != c.life {
			return
		}
		c.Busy = ""
		o, ours := answer.(map[string]any)
		switch {
		case status >= 200 && status < 300:
			if said != "" {
				c.browser.Say(said)
			}
			then(answer)
		case status == 401 && ours:
			c.answered(status, o, ours)
			return
		default:
			c.Trouble = Trouble{Of: of, Status: status, Problem: read[form.Problem](o)}
		}
		c.Ask()
	})
}

// Say shows a short message.
func (c *Client) Say(message string) { c.browser.Say(message) }

// set changes something on the server and asks anew. What came of it is said for a moment.
func (c *Client) set(method, path string, body map[string]any, done string) {
	c.browser.Fetch(Request{Method: method, Path: path, Body: body}, func(status int, answer any) {
		o, ok := answer.(map[string]any)
		if !c.answered(status, o, ok) {
			return
		}
		if why := read[form.Problem](o).Text; status >= 200 && status < 300 {
			c.browser.Say(done)
		} else if why != "" {
			c.browser.Say("The server refused: " + why + ".")
		} else {
			c.browser.Say("The server refused.")
		}
		c.Ask()
	})
}

// SetRelease offers, withholds or withdraws a release of a model. done is said when it is done.
func (c *Client) SetRelease(model, image, state, done string) {
	c.set("PUT", form.ReleasesPath+"/"+Escape(image)+"/state", map[string]any{"model": model, "state": state}, done)
}

// Free offers a release again to a device that was held back from it; without an image it ends all that keeps updates from it, and its
// conflict.
func (c *Client) Free(image string) {
	body, said := map[string]any{"image": image}, "Offered again."
	if image == "" {
		body, said = map[string]any{}, "It counts again."
	}
	c.set("POST", c.devicePath()+"/free", body, said)
}
