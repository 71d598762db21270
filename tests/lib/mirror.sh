# shellcheck shell=sh
# Sourced. mirror: what apt itself says it fetches from, the archive of this system's own release, its
# main component.

mirror() {
	. /etc/os-release
	apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
		awk -v release="${VERSION_CODENAME:-}" \
			'$2 == release && $3 == "main" { sub("/$", "", $1); print $1; exit }'
}
