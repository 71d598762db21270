# ids: any
#
# Which images are listed or pruned: images --filter, --sort, image prune --filter.
load ../lib/common

setup_file() {
	own_store busybox busybox:1 busybox:other layers config team/tools/busybox:v1.0_x
}
teardown_file() { drop_store; }

listed() { # listed ARGUMENT…: what "images" lists, without the registry, sorted
	tiffin images --format '{{.Repository}}:{{.Tag}}' "$@" | sed "s|^$REGISTRY/||" | sort | paste -sd ' '
}

@test "reference takes patterns for the name or its end, with and without the tag" {
	same "$(listed --filter reference=layers)" "layers:latest"
	same "$(listed --filter "reference=$REGISTRY/layers")" "layers:latest"
	same "$(listed --filter reference=busybox:1)" "busybox:1"
	same "$(listed -f 'reference=busybox')" "busybox:1 busybox:latest busybox:other team/tools/busybox:v1.0_x"
	same "$(listed -f 'reference=tools/b*x')" "team/tools/busybox:v1.0_x"
	same "$(listed -f 'reference=*:latest')" "busybox:latest config:latest layers:latest"
	same "$(listed -f 'reference=team/*')" ""
	same "$(listed -f 'reference=[cl]*' -f reference=busybox:other)" "busybox:other config:latest layers:latest"
}

@test "label takes a key, or a key and its value; label!= the contrary" {
	same "$(listed -f label=spaced)" "config:latest"
	same "$(listed -f 'label=spaced=a b')" "config:latest"
	same "$(listed -f label=spaced=a)" ""
	same "$(listed -f label=space)" ""
	same "$(listed -f label!=spaced -f reference=config -f reference=layers)" "layers:latest"
}

@test "different keys have to fit all, the same key once" {
	same "$(listed -f reference=config -f label=nothing)" ""
	same "$(listed -f reference=nothing -f reference=config -f label=spaced)" "config:latest"
}

@test "of several labels all have to fit, as in docker: prune takes no more" {
	same "$(listed -f label=spaced -f 'label=spaced=a b')" "config:latest"
	same "$(listed -f label=nothing -f label=spaced)" ""
	same "$(listed -f label!=nothing -f label!=spaced -f reference=config)" ""
	same "$(tiffin image prune -a -f --filter label=nothing --filter label=spaced)" "Total reclaimed space: 0B"
}

@test "id takes the beginning of one" {
	id=$(tiffin images -q --no-trunc "$REGISTRY/layers")
	same "$(listed -f "id=${id#sha256:}")" "layers:latest"
	same "$(listed -f "id=sha256:$(cut -c 1-20 <<<"${id#sha256:}")")" "layers:latest"
	same "$(listed -f id=zz)" ""
}

@test "dangling is an image without a name" {
	same "$(listed -f dangling=true)" ""
	tiffin untag "$REGISTRY/busybox:other"
	same "$(listed -a -f dangling=true)" "<none>:<none>"
	lacks "$(listed -a -f dangling=false)" "<none>"
	tiffin pull -q "$REGISTRY/busybox:other" >/dev/null
}

@test "an image without a name that another is built on is for -a to list" {
	same "$(listed -f intermediate=true)" ""
	tiffin untag "$REGISTRY/busybox:other"
	same "$(listed -f intermediate=true)" "<none>:<none>"
	lacks "$(listed)" "<none>"
	contains "$(listed -a)" "<none>:<none>"
	tiffin rmi "$REGISTRY/config" >/dev/null
	same "$(listed -f intermediate=true)" ""
	contains "$(listed)" "<none>:<none>"
	tiffin pull -q "$REGISTRY/busybox:other" "$REGISTRY/config" >/dev/null
}

@test "readonly images there are none of" {
	same "$(listed -f readonly=true)" ""
	same "$(listed -f readonly=false)" "$(listed)"
}

@test "until takes a time" {
	same "$(listed -f until=2001-01-01)" ""
	same "$(listed -f until=1s)" "$(listed)"
}

@test "a filter that there is not, and one that means nothing, are errors" {
	fails 125 images -f colour=red
	contains "$error" "invalid image filter 'colour=red'"
	fails 125 images -f dangling
	fails 125 images -f dangling=perhaps
	contains "$error" "not true or false"
	fails 125 images -f until=never
	fails 125 images --sort colour
	contains "$error" "--sort"
}

@test "--sort sorts" {
	by() { tiffin images --noheading --sort "$1" --format "{{.$2}}"; }
	same "$(by repository Repository)" "$(by repository Repository | sort)"
	same "$(by tag Tag)" "$(by tag Tag | LC_ALL=C sort)"
	same "$(by id ID)" "$(by id ID | sort)"
	same "$(by created Repository)" "$(tiffin images --noheading --format '{{.Repository}}')"
	sizes=$(tiffin inspect $(tiffin images -q --sort size) | jq -c 'map(.Size)')
	same "$sizes" "$(jq -c sort <<<"$sizes")"
}

@test "image prune --filter takes those only" {
	tiffin untag "$REGISTRY/busybox:other"
	same "$(tiffin image prune -f --filter until=2001-01-01)" "Total reclaimed space: 0B"
	same "$(tiffin image prune -f --filter label=spaced)" "Total reclaimed space: 0B"
	contains "$(tiffin image prune -a -f --filter label=spaced)" "untagged: $REGISTRY/config:latest"
	contains "$(tiffin image prune -f --filter label!=spaced)" "deleted: sha256:"
	fails 125 image prune -f --filter dangling=true
	contains "$error" "invalid image filter"
	tiffin pull -q "$REGISTRY/busybox:other" "$REGISTRY/config" >/dev/null
}
