/*
 * Templates: what the values of JSON are in Go's eyes.
 */
#include <stdio.h>

#include "base/cleanup.h"
#include "cmd/template_tree.h"

/* Members that are maps in docker's and podman's types; every other object is a struct. */
static const char *const template_maps[] = {
	"Annotations",	"Attributes",	"Containers",	"Data",	       "DriverOpts",
	"ExposedPorts", "Label",	"Labels",	"Networks",    "Options",
	"Opts",		"PortBindings", "Ports",	"StorageOpt",  "Sysctls",
	"Tmpfs",	"Volumes",	"graphOptions", "graphStatus",
};

bool value_is_map(const struct value *v)
{
	if (!json_is_object(v->json) || !v->field)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(template_maps); i++)
		if (strcasecmp(v->field, template_maps[i]) == 0)
			return true;
	return false;
}

bool value_is_true(const struct value *v)
{
	switch (json_typeof(v->json)) {
	case JSON_OBJECT:
		return !value_is_map(v) || json_object_size(v->json) > 0;
	case JSON_ARRAY:
		return json_array_size(v->json) > 0;
	case JSON_STRING:
		return json_string_length(v->json) > 0;
	case JSON_INTEGER:
		return json_integer_value(v->json) != 0;
	case JSON_REAL:
		return json_real_value(v->json) != 0;
	default:
		return json_is_true(v->json);
	}
}

const char *value_type(const struct value *v, const char *whole)
{
	switch (json_typeof(v->json)) {
	case JSON_OBJECT:
		return value_is_map(v) ? "map[string]string" : v->field ? v->field : whole;
	case JSON_ARRAY:
		return json_is_string(json_array_get(v->json, 0)) ? "[]string" : "[]interface {}";
	case JSON_STRING:
		return "string";
	case JSON_INTEGER:
		return "int";
	case JSON_REAL:
		return "float64";
	case JSON_NULL:
		return "<nil>";
	default:
		return "bool";
	}
}
