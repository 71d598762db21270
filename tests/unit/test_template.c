/* cmd: templates. What they make was compared with docker 28.2.2 and podman 4.3.1 (Go 1.24, 1.19). */
#include "tests/unit/test.h"

#include <stdlib.h>
#include <time.h>

#include "base/cleanup.h"
#include "cmd/template.h"

/* A field "Labels" is a map; every other object a struct. */
static const char document[] =
	"{ \"Name\": \"box\", \"Id\": \"0123456789abcdef\", \"Pid\": 42, \"Load\": 1.5, \"Up\": true,"
	"  \"None\": null, \"Empty\": \"\", \"Zero\": 0, \"Text\": \"a\\u001b[31mb\\tc\\u009bd\","
	"  \"State\": { \"Status\": \"running\", \"ExitCode\": 0 },"
	"  \"Env\": [ \"A=1\", \"B=2\", \"C=3\" ], \"Nothing\": [],"
	"  \"Labels\": { \"b\": \"2\", \"a.b\": \"1\", \"UP\": \"3\" }, \"Volumes\": {},"
	"  \"Mounts\": [ { \"Source\": \"/s\", \"RW\": true }, { \"Source\": \"/t\", \"RW\": false } ],"
	"  \"Ports\": { \"80/tcp\": [ { \"HostPort\": \"8080\" } ], \"53/udp\": null } }";

struct row {
	const char *template, *want;
};

/* What it makes, or "Error: " and the error behind what it made. */
static char *render(const char *text, const struct template_data *data)
{
	CLEAN(clean_template) struct template *t = NULL;
	CLEAN(buf_done) struct buf out = { 0 };
	struct err err = { 0 };

	if (template_parse("t", text, &t, &err) < 0 || template_run(t, data, &out, &err) < 0)
		buf_addf(&out, "Error: %s", err.text);
	return xstrdup(buf_str(&out));
}

static void check_rows(const struct row *rows, size_t n)
{
	json_t *dot = json_loads(document, 0, NULL);
	const struct template_data data = { .dot = dot };

	CHECK(dot);
	for (size_t i = 0; i < n; i++) {
		CLEAN(clean_free) char *got = render(rows[i].template, &data);

		CHECK_STR(got, rows[i].want);
	}
	json_decref(dot);
}

#define CHECK_ROWS(...)                                                                            \
	do {                                                                                       \
		static const struct row rows_[] = { __VA_ARGS__ };                                 \
		check_rows(rows_, ARRAY_SIZE(rows_));                                              \
	} while (0)

TEST(text_is_itself_with_tabs_and_newlines_unescaped)
{
	CHECK_ROWS({ "", "" }, { "plain", "plain" }, { "a\\tb\\nc", "a\tb\nc" }, { "\\x", "\\x" },
		   { "}} { {", "}} { {" }, { "{{/* c */}}x", "x" }, { "a {{- /* c */ -}} b", "ab" });
}

TEST(fields_are_printed_as_go_prints_them)
{
	CHECK_ROWS({ "{{.Name}}", "box" }, { "{{ .State.Status }}", "running" },
		   { "{{.Pid}} {{.Load}} {{.Up}}", "42 1.5 true" }, { "{{.None}}", "<no value>" },
		   { "{{.Env}}", "[A=1 B=2 C=3]" }, { "{{.Nothing}}", "[]" },
		   { "{{.State}}", "{running 0}" }, { "{{.Volumes}}", "map[]" },
		   { "{{.Mounts}}", "[{/s true} {/t false}]" }, { "{{$.Name}}", "box" },
		   { "{{(.State).Status}}", "running" }, { "{{.ID}}", "0123456789abcdef" });
}

TEST(a_map_without_the_key_has_no_value_and_a_struct_without_the_field_is_an_error)
{
	CHECK_ROWS({ "{{.Labels.b}} {{.Labels.UP}}", "2 3" }, { "{{.Labels.c}}", "<no value>" },
		   { "{{index .Labels \"a.b\"}}|{{index .Labels \"c\"}}|", "1||" },
		   { "{{.Nmae}}", "Error: template: t:1:2: executing \"t\" at <.Nmae>: can't evaluate "
				  "field Nmae in type t" },
		   { "a\n {{.State.Foo}}", "a\n Error: template: t:2:3: executing \"t\" at <.State.Foo>: "
					   "can't evaluate field Foo in type State" },
		   { "{{.Name.Foo}}", "Error: template: t:1:2: executing \"t\" at <.Name.Foo>: can't "
				      "evaluate field Foo in type string" },
		   { "{{.name}}", "Error: template: t:1:2: executing \"t\" at <.name>: can't evaluate "
				  "field name in type t" },
		   { "{{.None.Foo}}", "Error: template: t:1:2: executing \"t\" at <.None.Foo>: nil "
				      "pointer evaluating interface {}.Foo" });
}

TEST(literals_are_go_s)
{
	CHECK_ROWS({ "{{\"a\\tb\\u00e9\\x41\\101\\\"\"}}", "a\tbéAA\"" }, { "{{`raw\\n`}}", "raw\\n" },
		   { "{{'a'}} {{'é'}} {{'\\n'}}", "97 233 10" }, { "{{0x10}} {{010}} {{-1}}", "16 8 -1" },
		   { "{{1.0}} {{1e3}} {{1e6}} {{0.1}} {{1e-5}}", "1 1000 1e+06 0.1 1e-05" },
		   { "{{true}} {{false}}", "true false" });
}

TEST(conditions_choose)
{
	CHECK_ROWS({ "{{if .Up}}a{{end}}{{if .Zero}}b{{end}}", "a" },
		   { "{{if .Empty}}a{{else if .Nothing}}b{{else if .Volumes}}c{{else}}d{{end}}", "d" },
		   { "{{if .State}}struct{{end}}{{if .None}}nil{{end}}", "struct" },
		   { "{{with .State}}{{.Status}} {{$.Name}}{{end}}", "running box" },
		   { "{{with .Empty}}a{{else}}{{.Name}}{{end}}", "box" },
		   { "{{with .Empty}}a{{else with .Name}}{{.}}{{end}}", "box" },
		   { "{{if and .Up (eq .Name \"box\")}}x{{end}}", "x" },
		   { "{{and 0 1}} {{and 1 2}} {{or 0 \"\"}} {{or 3 4}} {{not .Up}}", "0 2  3 false" },
		   { "{{or 1 (index .Env 9)}}", "1" });
}

TEST(ranges_go_over_arrays_maps_in_order_and_numbers)
{
	CHECK_ROWS({ "{{range .Env}}{{.}};{{end}}", "A=1;B=2;C=3;" },
		   { "{{range $i, $e := .Env}}{{$i}}{{$e}} {{end}}", "0A=1 1B=2 2C=3 " },
		   { "{{range $k, $v := .Labels}}{{$k}}={{$v}} {{end}}", "UP=3 a.b=1 b=2 " },
		   { "{{range .Nothing}}x{{else}}none{{end}}", "none" },
		   { "{{range .None}}x{{else}}none{{end}}", "none" },
		   { "{{range .Mounts}}{{.Source}}{{end}}", "/s/t" }, { "{{range 3}}{{.}}{{end}}", "012" },
		   { "{{range $p, $b := .Ports}}{{$p}}{{range $b}}:{{.HostPort}}{{end}} {{end}}",
		     "53/udp 80/tcp:8080 " },
		   { "{{(index (index .Ports \"80/tcp\") 0).HostPort}}", "8080" },
		   { "{{range .Env}}{{if eq . \"B=2\"}}{{continue}}{{end}}{{.}}{{end}}", "A=1C=3" },
		   { "{{range .Env}}{{if eq . \"B=2\"}}{{break}}{{end}}{{.}}{{end}}", "A=1" },
		   { "{{range .Name}}{{end}}", "Error: template: t:1:8: executing \"t\" at <.Name>: range "
					       "can't iterate over box" });
}

TEST(variables_have_scopes)
{
	CHECK_ROWS({ "{{$x := .Name}}{{$x}}", "box" }, { "{{$x := 1}}{{$x = 2}}{{$x}}", "2" },
		   { "{{$x := 1}}{{if true}}{{$x := 2}}{{$x}}{{end}}{{$x}}", "21" },
		   { "{{$x := 1}}{{if true}}{{$x = 2}}{{end}}{{$x}}", "2" },
		   { "{{with $s := .State}}{{$s.Status}}{{end}}", "running" },
		   { "{{if true}}{{$x := 1}}{{end}}{{$x}}",
		     "Error: template: t:1: undefined variable \"$x\"" });
}

TEST(blanks_are_trimmed_where_it_says)
{
	CHECK_ROWS({ "a  {{- 1 -}}  b", "a1b" }, { "a \n{{1 -}} \n b", "a \n1b" },
		   { "{{- .Name}}", "box" }, { "{{-1}}", "-1" });
}

TEST(functions_of_go)
{
	CHECK_ROWS({ "{{len .Env}} {{len .Labels}} {{len .Name}}", "3 3 3" },
		   { "{{index .Env 1}} {{index \"abc\" 0}}", "B=2 97" },
		   { "{{slice .Id 0 4}} {{slice .Env 1}} {{slice .Env 0 1}}", "0123 [B=2 C=3] [A=1]" },
		   { "{{print 1 2 \"a\" \"b\" 3}}|{{println 1 \"a\" nil}}|", "1 2ab3|1 a <nil>\n|" },
		   { "{{eq .Pid 42}} {{eq .Name \"a\" \"box\"}} {{ne 1 2}} {{eq .None nil}}",
		     "true true true true" },
		   { "{{lt 1 2}} {{le 1 1}} {{gt 1.5 2.5}} {{ge \"b\" \"a\"}}", "true true false true" },
		   { "{{printf \"%s %d %v %q\" .Name .Pid .Env .Name}}", "box 42 [A=1 B=2 C=3] \"box\"" },
		   { "{{printf \"%5s|%-5s|%05d|%x|%.2f|%t|%c|%%\" \"a\" \"b\" 3 255 1.239 true 65}}",
		     "    a|b    |00003|ff|1.24|true|A|%" },
		   { "{{printf \"%d %s\" \"a\" 1}}", "%!d(string=a) %!s(int=1)" },
		   { "{{printf \"%s\"}} {{printf \"a\" 1}}", "%!s(MISSING) a%!(EXTRA int=1)" },
		   { "{{printf \"%[2]d %[1]d\" 1 2}} {{printf \"%*d\" 5 1}}", "2 1     1" });
}

TEST(functions_of_docker_and_podman)
{
	CHECK_ROWS({ "{{json .State}} {{json .Name}} {{json .None}}",
		     "{\"Status\":\"running\",\"ExitCode\":0} \"box\" null" },
		   { "{{join .Env \",\"}} {{join (split \"a-b\" \"-\") \"+\"}}", "A=1,B=2,C=3 a+b" },
		   { "{{split \"a,b\" \",\"}} {{split \"ab\" \"\"}} {{len (split \"\" \",\")}}",
		     "[a b] [a b] 1" },
		   { "{{upper .Name}} {{lower \"ABC\"}} {{title \"a b-c d_e\"}}", "BOX abc A B-C D_e" },
		   { "{{pad .Name 1 2}}|{{pad \"\" 1 2}}|", " box  ||" },
		   { "{{truncate .Id 4}} {{truncate \"é€\" 1}} {{truncate \"a\" 9}}", "0123 é a" },
		   { "{{trimSuffix \"a.service\" \".service\"}}", "a" },
		   { "{{.Name | upper | printf \"%s!\"}}", "BOX!" });
}

TEST(errors_of_parsing_name_the_line)
{
	CHECK_ROWS({ "{{", "Error: template: t:1: unclosed action" },
		   { "\n{{.A", "Error: template: t:2: unclosed action" },
		   { "{{end}}", "Error: template: t:1: unexpected {{end}}" },
		   { "{{if 1}}", "Error: template: t:1: unexpected EOF" },
		   { "{{if}}{{end}}", "Error: template: t:1: missing value for if" },
		   { "{{}}", "Error: template: t:1: missing value for command" },
		   { "{{foo .}}", "Error: template: t:1: function \"foo\" not defined" },
		   { "{{\"a", "Error: template: t:1: unterminated quoted string" },
		   { "{{print (1}}", "Error: template: t:1: unclosed left paren" },
		   { "{{print 1)}}", "Error: template: t:1: unexpected right paren" },
		   { "{{1 | 2}}", "Error: template: t:1: non executable command in pipeline stage 2" },
		   { "{{/* a}}", "Error: template: t:1: unclosed comment" },
		   { "{{.A}", "Error: template: t:1: bad character U+007D '}'" },
		   { "{{break}}", "Error: template: t:1: {{break}} outside {{range}}" },
		   { "{{if 1}}{{else}}{{else}}{{end}}",
		     "Error: template: t:1: expected end; found {{else}}" },
		   { "{{99999999999999999999}}",
		     "Error: template: t:1: integer overflow: \"99999999999999999999\"" },
		   { "{{template \"t\"}}", "Error: template: t:1: {{define}}, {{template}} and {{block}} are "
					   "not supported" });
}

TEST(errors_of_functions_name_the_place)
{
	CHECK_ROWS({ "{{index .Env 3}}", "Error: template: t:1:2: executing \"t\" at <index>: error calling "
					 "index: index out of range: 3" },
		   { "{{eq 1 \"1\"}}", "Error: template: t:1:2: executing \"t\" at <eq>: error calling eq: "
				       "incompatible types for comparison" },
		   { "{{upper 1}}", "Error: template: t:1:2: executing \"t\" at <upper>: error calling "
				    "upper: wrong type for value; expected string; got int" },
		   { "{{upper}}", "Error: template: t:1:2: executing \"t\" at <upper>: wrong number of args "
				  "for upper: want 1 got 0" },
		   { "{{.Name 1}}", "Error: template: t:1:2: executing \"t\" at <.Name>: Name is not a "
				    "method but has arguments" },
		   { "{{nil}}", "Error: template: t:1:2: executing \"t\" at <nil>: nil is not a command" });
}

TEST(a_method_is_asked_by_name)
{
	json_t *dot = json_pack("{ss}", "Name", "box");
	json_t *methods = json_pack("{s{ss}}", "Label", "a", "1");
	const struct template_data data = { .dot = dot, .methods = methods };
	CLEAN(clean_free) char *got = render("{{.Label \"a\"}}|{{.Label \"b\"}}|{{$.Label \"a\"}}", &data);

	CHECK_STR(got, "1||1");
	json_decref(dot);
	json_decref(methods);
}

TEST(headings_pass_through_what_dresses_values)
{
	json_t *dot = json_pack("{ssss}", "Name", "NAMES", "Labels", "LABELS");
	const struct template_data data = { .dot = dot, .headings = true };
	CLEAN(clean_free) char *got =
		render("{{upper .Name}} {{join .Labels \",\"}} {{truncate .Name 2}} {{json .Name}}", &data);

	CHECK_STR(got, "NAMES LABELS NAMES NAMES");
	json_decref(dot);
}

TEST(a_terminal_is_shown_control_characters)
{
	json_t *dot = json_loads(document, 0, NULL);
	struct template_data data = { .dot = dot, .escape = true };
	CLEAN(clean_free) char *safe = render("{{.Text}}{{println}}\x1b[0m", &data);
	CLEAN(clean_free) char *raw = NULL;

	CHECK_STR(safe, "a\\x1b[31mb\tc\\u{9b}d\n\x1b[0m");
	data.escape = false;
	raw = render("{{.Text}}", &data);
	CHECK_STR(raw, "a\x1b[31mb\tc\xc2\x9b" "d");
	json_decref(dot);
}

/* The piece, so many times, between the ends. */
static char *repeat(const char *before, const char *piece, size_t n, const char *behind)
{
	struct buf b = { 0 };

	buf_adds(&b, before);
	for (size_t i = 0; i < n; i++)
		buf_adds(&b, piece);
	buf_adds(&b, behind);
	return b.data;
}

static void check_refused(char *text, const char *why)
{
	CLEAN(clean_free) char *owned = text;
	json_t *dot = json_object();
	const struct template_data data = { .dot = dot };
	CLEAN(clean_free) char *got = render(owned, &data);

	CHECK(strstr(got, why));
	json_decref(dot);
}

TEST(nesting_length_and_variables_are_bounded)
{
	check_refused(repeat("{{", "(", 10000, ""), "nested more than 64 deep");
	check_refused(repeat("", "{{if 1}}", 5000, ""), "nested more than 64 deep");
	check_refused(repeat("{{if 1}}", "{{else if 1}}", 3000, "{{end}}"), "nested more than 64 deep");
	check_refused(repeat("", "x", 70000, ""), "longer than 65536 bytes");
	check_refused(repeat("", "{{$x := 1}}", 100, ""), "more than 64 variables");
}

TEST(time_and_memory_are_bounded)
{
	time_t began = time(NULL);

	check_refused(xstrdup("{{range 1000000000}}{{range 1000000000}}{{end}}{{end}}"),
		      "too many steps");
	check_refused(xstrdup("{{$x := \"xxxxxxxx\"}}{{range 64}}{{$x = print $x $x}}{{end}}"),
		      "a string of more than");
	check_refused(xstrdup("{{$x := printf \"%4096d\" 1}}{{range 1000000}}{{$x}}{{end}}"),
		      "the output is too long");
	check_refused(repeat("{{range 1000000}}", "text", 10000, "{{end}}"), "the output is too long");
	check_refused(xstrdup("{{printf \"%9999999999d\" 1 | len | printf \"%d\" | pad}}"), "pad");
	CHECK(time(NULL) - began < 60);
}

/* Templates that were right, with bytes changed: whatever comes of them, it comes. */
TEST(mutated_templates_are_errors_at_worst)
{
	static const char *const seeds[] = {
		"{{range $i, $e := .Env}}{{if eq $e \"B=2\"}}{{break}}{{else}}{{$i}}{{end}}{{end}}",
		"{{with $x := index .Ports \"80/tcp\"}}{{(index $x 0).HostPort | printf \"%05s\"}}{{end}}",
		"table {{.Name | upper}}\\t{{- json .State -}} {{/* c */}}{{printf \"%[2]*[1]d\" 1 2}}",
		"{{$x := 'a'}}{{$x = 1.5e3}}{{and .Up (or .Zero (not .None))}}{{`raw`}}{{slice .Id 1 3}}",
		"{{join (split \"a,b\" \",\") \"\\u00e9\\x41\"}}{{truncate .Id 3}}{{pad .Name 1 2}}{{$.Name}}",
	};
	static const char bytes[] = "{}()|.$:=,\"'`\\-/* \n09aeE%[]#+xiU\x80\xff";
	json_t *dot = json_loads(document, 0, NULL);
	const struct template_data data = { .dot = dot, .escape = true };
	unsigned int random = 1;

	for (int i = 0; i < 10000; i++) {
		CLEAN(clean_free) char *text = xstrdup(seeds[(size_t)i % ARRAY_SIZE(seeds)]);
		CLEAN(clean_free) char *got = NULL;

		for (int changes = 1 + i % 4; changes > 0; changes--) {
			random = random * 1103515245 + 12345;
			text[(random >> 8) % strlen(text)] =
				bytes[(random >> 20) % (sizeof(bytes) - 1)];
		}
		got = render(text, &data);
		CHECK(got);
	}
	json_decref(dot);
}

int main(void)
{
	RUN(text_is_itself_with_tabs_and_newlines_unescaped);
	RUN(fields_are_printed_as_go_prints_them);
	RUN(a_map_without_the_key_has_no_value_and_a_struct_without_the_field_is_an_error);
	RUN(literals_are_go_s);
	RUN(conditions_choose);
	RUN(ranges_go_over_arrays_maps_in_order_and_numbers);
	RUN(variables_have_scopes);
	RUN(blanks_are_trimmed_where_it_says);
	RUN(functions_of_go);
	RUN(functions_of_docker_and_podman);
	RUN(errors_of_parsing_name_the_line);
	RUN(errors_of_functions_name_the_place);
	RUN(a_method_is_asked_by_name);
	RUN(headings_pass_through_what_dresses_values);
	RUN(a_terminal_is_shown_control_characters);
	RUN(nesting_length_and_variables_are_bounded);
	RUN(time_and_memory_are_bounded);
	RUN(mutated_templates_are_errors_at_worst);
	return test_summary();
}
