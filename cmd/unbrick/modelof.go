package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"unbrick/limits"
	"unbrick/model"
	"unbrick/server/form"
)

// modelOf returns a model: from the file that holds its record, if one is named, else from the server. With a
// file the id may be empty.
func modelOf(ctx context.Context, server *api, id, file string) (*model.Model, error) {
	if file == "" {
		m, err := server.model(ctx, id)
		if err != nil {
			return nil, fmt.Errorf("%w (or describe the model with --model-file)", err)
		}
		return m, nil
	}
	b, err := readFile(ctx, file, "the record of a model", limits.Model)
	if err != nil {
		return nil, fmt.Errorf("model file: %w", err)
	}
	m, err := model.Decode(b)
	if err != nil {
		return nil, fmt.Errorf("model file %s: %w", file, err)
	}
	if id != "" && m.ID != id {
		return nil, usageError("%s describes model %q, not %q", file, m.ID, id)
	}
	return &m, nil
}

// model asks the server for a model's record.
func (a *api) model(ctx context.Context, id string) (*model.Model, error) {
	answer, err := ask(ctx, a, form.GetModel, &form.ModelID{ID: id})
	if no, is := errors.AsType[*apiError](err); is && no.status == http.StatusNotFound {
		return nil, fmt.Errorf("the server does not know model %q: unbrick model put %s describes it", id, id)
	}
	if err != nil {
		return nil, err
	}
	m, err := model.Decode(answer.Record)
	if err != nil {
		return nil, fmt.Errorf("model %s: the server's answer: %w", id, err)
	}
	return &m, nil
}

// manifest asks the server for the manifest of a release.
func (a *api) manifest(ctx context.Context, model, version string) ([]byte, error) {
	r, err := a.release(ctx, model, version)
	if err != nil {
		return nil, err
	}
	if r != nil {
		return r.Manifest, nil
	}
	return nil, fmt.Errorf("the server has no release %q of model %s: publish it, or give --manifest", version, model)
}
