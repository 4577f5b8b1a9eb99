package fleetdata

import (
	"reflect"
	"strings"
	"time"
)

// read makes an answer's type of what the browser has read as JSON.
func read[T any](answer any) (v T) {
	fill(reflect.ValueOf(&v).Elem(), answer)
	return v
}

// fill puts a JSON value into v as far as it has its shape, and reports whether it has. What is missing or of another shape stays
// zero: a server of another age costs a field, not the screen. Bytes stay behind; Fleet shows none.
func fill(v reflect.Value, from any) bool {
	switch v.Kind() {
	case reflect.Pointer:
		to := reflect.New(v.Type().Elem())
		if !fill(to.Elem(), from) {
			return false
		}
		v.Set(to)
	case reflect.Slice:
		list, is := from.([]any)
		for _, x := range list {
			if to := reflect.New(v.Type().Elem()).Elem(); fill(to, x) {
				v.Set(reflect.Append(v, to))
			}
		}
		return is
	case reflect.Map:
		object, is := from.(map[string]any)
		v.Set(reflect.MakeMap(v.Type()))
		for name, x := range object {
			if to := reflect.New(v.Type().Elem()).Elem(); fill(to, x) {
				v.SetMapIndex(reflect.ValueOf(name), to)
			}
		}
		return is
	case reflect.Struct:
		return fillStruct(v, from)
	case reflect.Interface:
		if from != nil {
			v.Set(reflect.ValueOf(from))
		}
	case reflect.String:
		s, is := from.(string)
		v.SetString(s)
		return is
	case reflect.Bool:
		b, is := from.(bool)
		v.SetBool(b)
		return is
	default:
		return fillNumber(v, from)
	}
	return true
}

// fillNumber takes whole numbers as exact as JSON's are.
func fillNumber(v reflect.Value, from any) bool {
	f, is := from.(float64)
	switch {
	case !is || f < 0 || f > 1<<53:
		return false
	case v.CanInt() && !v.OverflowInt(int64(f)):
		v.SetInt(int64(f))
	case v.CanUint() && !v.OverflowUint(uint64(f)):
		v.SetUint(uint64(f))
	default:
		return false
	}
	return true
}

func fillStruct(v reflect.Value, from any) bool {
	if v.Type() == reflect.TypeFor[time.Time]() {
		text, _ := from.(string)
		t, err := time.Parse(time.RFC3339, text)
		if err == nil {
			v.Set(reflect.ValueOf(t))
		}
		return err == nil
	}
	object, is := from.(map[string]any)
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if f.Anonymous {
			fill(v.Field(i), from)
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if x, there := object[name]; there {
			fill(v.Field(i), x)
		}
	}
	return is
}
