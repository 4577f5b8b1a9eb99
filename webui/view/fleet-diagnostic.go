package view

// FleetDiagnostic shows a diagnostic file that somebody sent.
type FleetDiagnostic struct{ Page *Root }

func (c *FleetDiagnostic) heading() string { return c.Page.fleetHeading() }

func (c *FleetDiagnostic) lead() string { return c.Page.diagnosticLead() }

func (c *FleetDiagnostic) facts() []fact { return c.Page.diagnosticFacts() }

func (c *FleetDiagnostic) rows() []diagnosticRow { return c.Page.diagnosticRows() }

func (c *FleetDiagnostic) some() bool { return c.Page.diagnostic.file != nil }

func (c *FleetDiagnostic) acts() []act {
	if c.some() {
		return []act{secondary("Open another", c.Page.openDiagnostic)}
	}
	return []act{primary("Choose a file", c.Page.openDiagnostic)}
}
