#include "base/cleanup.h"
#include "base/json.h"
#include "cmd/etc_options.h"
#include "cmd/inspect.h"

static json_t *ulimits_of(const struct limits *l)
{
	json_t *list = json_array();

	for (size_t i = 0; i < l->n; i++)
		json_array_append_new(list,
				      json_pack("{sssIsI}", "Name", limit_name(l->v[i].resource),
						"Soft", (json_int_t)l->v[i].soft, "Hard",
						(json_int_t)l->v[i].hard));
	return list;
}

/* { "net.ipv4.ip_forward": "1" }: they are kept as paths. */
static json_t *sysctls_of(const struct strv *sysctls)
{
	json_t *map = json_object();

	for (size_t i = 0; i < sysctls->n; i++) {
		size_t len = strcspn(sysctls->v[i], "=");
		CLEAN(clean_free) char *key = xstrndup(sysctls->v[i], len);

		for (char *p = key; *p; p++)
			*p = *p == '/' ? '.' : *p;
		js_set_str(map, key, sysctls->v[i][len] ? sysctls->v[i] + len + 1 : "");
	}
	return map;
}

/* There is no limit by cgroup yet: 0, and "", are docker's words for that. */
static void add_no_limits(json_t *j)
{
	static const char *const numbers[] = { "CpuCount",	    "CpuPercent", "CpuPeriod",
					       "CpuQuota",	    "CpuShares",  "Memory",
					       "MemoryReservation", "MemorySwap", "NanoCpus",
					       "PidsLimit" };
	static const char *const texts[] = { "CgroupParent", "CpusetCpus", "CpusetMems" };

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		js_set_int(j, numbers[i], 0);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		js_set_str(j, texts[i], "");
	js_set_bool(j, "OomKillDisable", false);
}

void inspect_add_limits(json_t *host_config, const struct container *c,
			const struct container_spec *spec)
{
	CLEAN(etc_options_done) struct etc_options etc = { 0 };

	etc_options_from_json(js_obj(c->config, "etc"), &etc);
	js_set_strv(host_config, "ExtraHosts", &etc.hosts);
	js_set_strv(host_config, "Dns", &etc.servers);
	js_set_strv(host_config, "DnsSearch", &etc.search);
	js_set_strv(host_config, "DnsOptions", &etc.options);
	js_set_strv(host_config, "GroupAdd", &spec->groups);
	js_set_int(host_config, "OomScoreAdj",
		   spec->limits.has_oom_score_adj ? spec->limits.oom_score_adj : 0);
	json_object_set_new(host_config, "Ulimits", ulimits_of(&spec->limits));
	json_object_set_new(host_config, "Sysctls", sysctls_of(&spec->sysctls));
	add_no_limits(host_config);
}
