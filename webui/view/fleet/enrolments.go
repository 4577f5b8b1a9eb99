package fleet

import (
	"unbrick/webui/fleetdata"
	"unbrick/webui/words"
)

// Enrolments is the table of models: how devices of each are enrolled.
type Enrolments struct {
	Fleet *fleetdata.Client
	Wish  WishFunc
}

func (c *Enrolments) rows() []words.EnrolmentRow { return words.EnrolmentRows(c.Fleet) }

func (c *Enrolments) refused() string { return words.Refused(&c.Fleet.Trouble, fleetdata.OfEnrolment) }
