package main

import (
	"runtime/debug"
	"strings"
)

// version is what the build knows of itself: the version of the module, the
// commit, and the Go that compiled it.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "of unknown version (built without module information)"
	}
	return describeBuild(info)
}

func describeBuild(info *debug.BuildInfo) string {
	parts := []string{info.Main.Version}
	if info.Main.Version == "" {
		parts[0] = "(devel)"
	}
	set := map[string]string{}
	for _, s := range info.Settings {
		set[s.Key] = s.Value
	}
	if commit := set["vcs.revision"]; commit != "" {
		text := "commit " + commit[:min(12, len(commit))]
		if day, _, _ := strings.Cut(set["vcs.time"], "T"); day != "" {
			text += " of " + day
		}
		if set["vcs.modified"] == "true" {
			text += " with changes"
		}
		parts = append(parts, text)
	}
	return strings.Join(append(parts, info.GoVersion), ", ")
}
