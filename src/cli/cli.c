#include "cli/cli.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "bank/types.h"
#include "base/date.h"
#include "base/suggest.h"
#include "codec/field.h"
#include "host/env.h"

#define CLI_OUTPUT_MAX ((size_t)256 << 20)

enum { LABEL_WIDTH = 34 };

static const struct cli_command *command_named(const char *name)
{
    for (size_t i = 0; i < cli_command_count; i++)
        if (strcmp(cli_commands[i].name, name) == 0) return &cli_commands[i];
    return NULL;
}

static int option_index(const struct cli_command *command, const char *name)
{
    for (int i = 0; i < CLI_OPTIONS_MAX && command->options[i].name != NULL; i++)
        if (strcmp(command->options[i].name, name) == 0) return i;
    return -1;
}

const char *cli_value(const struct cli_call *call, const char *option)
{
    int index = option_index(call->command, option);
    LX_ASSERT(index >= 0);
    return call->values[index];
}

bool cli_flag(const struct cli_call *call, const char *option)
{
    return cli_value(call, option) != NULL;
}

enum lx_err cli_int(const struct cli_call *call, const char *option, int64_t low, int64_t high,
                    int64_t fallback, int64_t *ret_value, struct lx_error *err)
{
    LX_ASSERT(low <= high);

    const char *text = cli_value(call, option);
    int64_t value = fallback;
    if (text != NULL && field_int64(text, strlen(text), &value, err) != LX_OK)
        return lx_fail(err, LX_ERR_USAGE, "%s %s: not a whole number", option, text);
    if (text != NULL && (value < low || value > high))
        return lx_fail(err, LX_ERR_USAGE, "%s %s: must lie between %" PRId64 " and %" PRId64,
                       option, text, low, high);
    *ret_value = value;
    return LX_OK;
}

enum lx_err cli_real(const struct cli_call *call, const char *option, double low, double high,
                     double fallback, double *ret_value, struct lx_error *err)
{
    LX_ASSERT(low <= high);

    const char *text = cli_value(call, option);
    double value = fallback;
    if (text != NULL && field_real(text, strlen(text), &value, err) != LX_OK)
        return lx_fail(err, LX_ERR_USAGE, "%s %s: not a number", option, text);
    if (text != NULL && !(value >= low && value <= high))
        return lx_fail(err, LX_ERR_USAGE, "%s %s: must lie between %g and %g", option, text, low,
                       high);
    *ret_value = value;
    return LX_OK;
}

enum lx_err cli_as_of(const struct cli_call *call, const char *option, int utc_offset_minutes,
                      int64_t *ret_at_ms, struct lx_error *err)
{
    const char *text = cli_value(call, option);
    int32_t day;
    if (text == NULL) {
        *ret_at_ms = BANK_UNKNOWN_MS;
        return LX_OK;
    }
    if (lx_day_parse(text, strlen(text), &day) != LX_OK || day >= LX_DAY_MAX)
        return lx_fail(err, LX_ERR_USAGE, "%s %s: not a day of the form YYYY-MM-DD", option, text);
    *ret_at_ms = lx_ms_of_day(day + 1, utc_offset_minutes) - 1;
    return LX_OK;
}

const char *cli_text(const struct cli_call *call, const char *zh, const char *en)
{
    return call->language == CLI_ZH ? zh : en;
}

void cli_line(struct cli_call *call, const char *format, ...)
{
    if (call->is_json) return;

    char line[4096];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    lx_buffer_append_text(&call->out, line);
    lx_buffer_append_byte(&call->out, '\n');
}

/* Columns on a terminal: Chinese characters take two. */
static int width_of(const char *text)
{
    int width = 0;
    for (const unsigned char *byte = (const unsigned char *)text; *byte != 0; byte++)
        if ((*byte & 0xC0u) != 0x80u) width += *byte >= 0xE3u ? 2 : 1;
    return width;
}

void cli_pair(struct cli_call *call, const char *label, const char *format, ...)
{
    if (call->is_json) return;

    char value[512];
    va_list args;
    va_start(args, format);
    vsnprintf(value, sizeof value, format, args);
    va_end(args);
    int gap = LABEL_WIDTH - width_of(label);
    cli_line(call, "  %s%*s%s", label, gap > 1 ? gap : 1, "", value);
}

double cli_seconds(const struct cli_call *call)
{
    return (double)(call->env.elapsed_ns(call->env.context) - call->started_ns) / 1e9;
}

void cli_figure(struct cli_call *call, const char *name, double value)
{
    if (call->is_json)
        json_name_real(&call->json, name, value);
    else
        cli_pair(call, name, "%.6g", value);
}

void cli_count(struct cli_call *call, const char *name, const char *zh, const char *en,
               int64_t value)
{
    if (call->is_json)
        json_name_int(&call->json, name, value);
    else
        cli_pair(call, cli_text(call, zh, en), "%" PRId64, value);
}

/* zh unless somebody says otherwise: --lang, then LINGXI_LANG, then the locale. */
static enum cli_language language_of_environment(void)
{
    static const char *const names[] = {"LINGXI_LANG", "LC_ALL", "LC_MESSAGES", "LANG"};
    for (size_t i = 0; i < LX_COUNT_OF(names); i++) {
        const char *value = host_variable(names[i]);
        if (value != NULL && strncmp(value, "en", 2) == 0) return CLI_EN;
        if (value != NULL && strncmp(value, "zh", 2) == 0) return CLI_ZH;
    }
    return CLI_ZH;
}

static int exit_status_of(enum lx_err code)
{
    switch (code) {
    case LX_OK: return 0;
    case LX_ERR_USAGE: return 2;
    case LX_ERR_REFUSED:
    case LX_ERR_BUSY:
    case LX_ERR_LIMIT: return 3;
    default: return 1;
    }
}

/* An option's value: behind `=`, or the next argument. */
static enum lx_err take_value(const char *name, const char *inline_value, int *index, int count,
                              char **arguments, const char **ret_value, struct lx_error *err)
{
    if (inline_value != NULL) {
        *ret_value = inline_value;
        return LX_OK;
    }
    if (*index + 1 >= count) return lx_fail(err, LX_ERR_USAGE, "%s: a value is missing", name);
    *ret_value = arguments[++*index];
    return LX_OK;
}

static enum lx_err set_language(struct cli_call *call, const char *value, struct lx_error *err)
{
    if (strcmp(value, "zh") != 0 && strcmp(value, "en") != 0)
        return lx_fail(err, LX_ERR_USAGE, "--lang %s: zh or en", value);
    call->language = value[0] == 'z' ? CLI_ZH : CLI_EN;
    return LX_OK;
}

/* An option that every command has. */
static enum lx_err parse_global(struct cli_call *call, const char *name, const char *inline_value,
                                int *index, int count, char **arguments, bool *ret_is_global,
                                struct lx_error *err)
{
    const char *value = NULL;
    enum lx_err code = LX_OK;
    *ret_is_global = true;
    if (strcmp(name, "--json") == 0) {
        call->is_json = true;
    } else if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        if (call->command != NULL && call->argument_count < CLI_ARGUMENTS_MAX)
            call->arguments[call->argument_count++] = call->command->name;
        call->command = command_named("help");
    } else if (strcmp(name, "-C") == 0) {
        code = take_value(name, inline_value, index, count, arguments, &call->folder, err);
    } else if (strcmp(name, "--lang") == 0) {
        code = take_value(name, inline_value, index, count, arguments, &value, err);
        if (code == LX_OK) code = set_language(call, value, err);
    } else {
        *ret_is_global = false;
    }
    return code;
}

static enum lx_err unknown_option(const struct cli_call *call, const char *name,
                                  struct lx_error *err)
{
    const char *names[CLI_OPTIONS_MAX] = {NULL};
    for (int i = 0; call->command != NULL && i < CLI_OPTIONS_MAX; i++)
        names[i] = call->command->options[i].name;
    const char *best = lx_suggest(name, names, CLI_OPTIONS_MAX);
    const char *command = call->command == NULL ? "" : call->command->name;
    if (best != NULL)
        return lx_fail(err, LX_ERR_USAGE, "unknown option %s; did you mean %s?", name, best);
    return lx_fail(err, LX_ERR_USAGE, "unknown option %s; see `lingxi help %s`", name, command);
}

/* `name` or `name=value` of the command; short forms are options of the table, too. */
static enum lx_err parse_option(struct cli_call *call, const char *argument, int *index, int count,
                                char **arguments, struct lx_error *err)
{
    char name[64];
    const char *equals = strncmp(argument, "--", 2) == 0 ? strchr(argument, '=') : NULL;
    size_t length = equals == NULL ? strlen(argument) : (size_t)(equals - argument);
    if (length >= sizeof name) return unknown_option(call, argument, err);
    memcpy(name, argument, length);
    name[length] = '\0';
    const char *inline_value = equals == NULL ? NULL : equals + 1;

    bool is_global;
    enum lx_err code =
        parse_global(call, name, inline_value, index, count, arguments, &is_global, err);
    if (code != LX_OK || is_global) return code;

    int option = call->command == NULL ? -1 : option_index(call->command, name);
    if (option < 0) return unknown_option(call, name, err);
    if (call->command->options[option].value == NULL) {
        if (inline_value != NULL) return lx_fail(err, LX_ERR_USAGE, "%s takes no value", name);
        call->values[option] = "";
        return LX_OK;
    }
    return take_value(name, inline_value, index, count, arguments, &call->values[option], err);
}

static enum lx_err find_command(struct cli_call *call, const char *name, struct lx_error *err)
{
    call->command = command_named(name);
    if (call->command != NULL) return LX_OK;

    const char *names[CLI_COMMANDS_MAX];
    for (size_t i = 0; i < cli_command_count; i++) names[i] = cli_commands[i].name;
    const char *best = lx_suggest(name, names, cli_command_count);
    if (best != NULL)
        return lx_fail(err, LX_ERR_USAGE, "no command `%s`; did you mean `%s`?", name, best);
    return lx_fail(err, LX_ERR_USAGE, "no command `%s`; `lingxi help` lists them", name);
}

static enum lx_err parse(struct cli_call *call, int count, char **arguments, struct lx_error *err)
{
    bool is_plain = false; /* after `--` */
    for (int i = 1; i < count; i++) {
        const char *argument = arguments[i];
        enum lx_err code = LX_OK;
        if (!is_plain && strcmp(argument, "--") == 0) {
            is_plain = true;
        } else if (!is_plain && argument[0] == '-' && argument[1] != '\0') {
            code = parse_option(call, argument, &i, count, arguments, err);
        } else if (call->command == NULL) {
            code = find_command(call, argument, err);
        } else if (call->argument_count == CLI_ARGUMENTS_MAX) {
            code = lx_fail(err, LX_ERR_USAGE, "more than %d arguments", CLI_ARGUMENTS_MAX);
        } else {
            call->arguments[call->argument_count++] = argument;
        }
        if (code != LX_OK) return code;
    }
    if (call->command == NULL) call->command = command_named("help");
    if (call->argument_count < call->command->argument_min ||
        call->argument_count > call->command->argument_max)
        return lx_fail(err, LX_ERR_USAGE, "usage: lingxi %s %s; see `lingxi help %s`",
                       call->command->name, call->command->arguments, call->command->name);
    return LX_OK;
}

enum lx_err cli_fault(struct cli_call *call, const char *expression, const struct expr_fault *fault,
                      enum lx_err code, const struct lx_error *err)
{
    if (code == LX_ERR_BAD_INPUT && fault != NULL) {
        call->fault = *fault;
        call->expression = expression;
    } else if (code == LX_ERR_OVERFLOW) {
        int line, column, length = 0;
        if (sscanf(err->text, "%d:%d: %n", &line, &column, &length) < 2 || length == 0) return code;
        call->fault = (struct expr_fault){.line = line, .column = column};
        snprintf(call->fault.message, sizeof call->fault.message, "%s", err->text + length);
        call->expression = expression;
    }
    return code;
}

/* The line of the expression and a caret under the place. */
static void show_fault(const struct cli_call *call)
{
    const char *line = call->expression;
    for (int i = 1; i < call->fault.line && strchr(line, '\n') != NULL; i++)
        line = strchr(line, '\n') + 1;
    size_t length = strcspn(line, "\n"), before = 0;
    char start[EXPR_TEXT_MAX + 1];
    for (int i = 1; i < call->fault.column && before < length; i++) do
            before++;
        while (before < length && ((unsigned char)line[before] & 0xC0u) == 0x80u);
    if (before >= sizeof start) return;
    memcpy(start, line, before);
    start[before] = '\0';
    fprintf(stderr, "  %.*s\n  %*s^\n", (int)length, line, width_of(start), "");
}

static void say_error(const struct cli_call *call, const struct lx_error *err)
{
    if (call->expression == NULL) {
        fprintf(stderr, "lingxi: %s\n", err->text);
        return;
    }
    fprintf(stderr,
            cli_text(call, "lingxi: 表达式第 %d 行第 %d 列：%s\n",
                     "lingxi: line %d, column %d of the expression: %s\n"),
            call->fault.line, call->fault.column, call->fault.message);
    show_fault(call);
}

/* On failure the document is the error alone. */
static void write_error(struct cli_call *call, const struct lx_error *err)
{
    lx_buffer_clear(&call->out);
    json_init(&call->json, &call->out);
    json_object_begin(&call->json);
    if (call->is_judging) json_name_bool(&call->json, "ok", false);
    json_name(&call->json, "error");
    json_object_begin(&call->json);
    json_name_text(&call->json, "code", lx_err_name(err->code));
    json_name_text(&call->json, "message",
                   call->expression == NULL ? err->text : call->fault.message);
    if (call->expression != NULL) {
        json_name_int(&call->json, "line", call->fault.line);
        json_name_int(&call->json, "column", call->fault.column);
    }
    json_object_end(&call->json);
    json_object_end(&call->json);
}

static enum lx_err print(struct cli_call *call, struct lx_error *err)
{
    if (call->is_json) lx_buffer_append_byte(&call->out, '\n');
    if (lx_buffer_error(&call->out) != LX_OK)
        return lx_fail(err, lx_buffer_error(&call->out), "the answer does not fit into memory");
    size_t length = call->out.length;
    bool is_written = fwrite(lx_buffer_text(&call->out), 1, length, stdout) == length;
    if (fflush(stdout) == 0 && is_written) return LX_OK;
    return lx_fail(err, LX_ERR_IO, "standard output cannot be written");
}

static enum lx_err run(struct cli_call *call, struct lx_error *err)
{
    json_init(&call->json, &call->out);
    if (call->is_json) json_object_begin(&call->json);
    enum lx_err code = call->command->run(call, err);
    if (code == LX_OK && call->is_json) json_object_end(&call->json);
    return code;
}

int cli_main(int argument_count, char **arguments)
{
    struct lx_error err = {0};
    struct cli_call call = {
        .env = host_env(), .folder = "lingxi.d", .language = language_of_environment()};
    call.started_ns = call.env.elapsed_ns(call.env.context);
    lx_buffer_init(&call.out, CLI_OUTPUT_MAX);

    enum lx_err code = parse(&call, argument_count, arguments, &err);
    if (code == LX_OK && call.command->is_training)
        host_restart_with("OMP_WAIT_POLICY", "passive", arguments);
    if (code == LX_OK) code = run(&call, &err);
    if (code != LX_OK && call.is_json) write_error(&call, &err);
    if (code != LX_OK) say_error(&call, &err);
    if (code == LX_OK || call.is_json) {
        struct lx_error print_err = {0};
        enum lx_err print_code = print(&call, &print_err);
        if (print_code != LX_OK) fprintf(stderr, "lingxi: %s\n", print_err.text);
        if (code == LX_OK) code = print_code;
    }
    lx_buffer_release(&call.out);
    return exit_status_of(code);
}
