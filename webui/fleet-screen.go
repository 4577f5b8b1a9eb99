package webui

type FleetScreen struct{ Page *Root }
