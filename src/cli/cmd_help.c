#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

static void option_left(const struct cli_option *option, char text[64])
{
    snprintf(text, 64, "%s%s%s", option->name, option->value == NULL ? "" : " ",
             option->value == NULL ? "" : option->value);
}

static void help_command(struct cli_call *call, const struct cli_command *command)
{
    cli_line(call, "lingxi %s%s%s", command->name, command->arguments[0] == '\0' ? "" : " ",
             command->arguments);
    cli_line(call, "  %s", cli_text(call, command->zh, command->en));
    for (int i = 0; i < CLI_OPTIONS_MAX && command->options[i].name != NULL; i++) {
        char left[64];
        option_left(&command->options[i], left);
        cli_line(call, "  %-28s %s", left,
                 cli_text(call, command->options[i].zh, command->options[i].en));
    }
}

static void help_all(struct cli_call *call)
{
    cli_line(call, "%s",
             cli_text(call, "灵犀 · 银行客户智能引擎",
                      "Lingxi, the customer-intelligence engine for banks"));
    cli_line(call, "lingxi [-C DIR] [--json] [--lang zh|en] COMMAND ...");
    cli_line(call, "");
    for (size_t i = 0; i < cli_command_count; i++)
        cli_line(call, "  %-10s %s", cli_commands[i].name,
                 cli_text(call, cli_commands[i].zh, cli_commands[i].en));
    cli_line(call, "");
    cli_line(
        call, "  %s",
        cli_text(call, "-C DIR  数据目录，默认 ./lingxi.d；lingxi help COMMAND 看细节",
                 "-C DIR  data directory, ./lingxi.d by default; lingxi help COMMAND for details"));
}

static void help_markdown(struct cli_call *call)
{
    cli_line(call, "# Commands");
    cli_line(call, "");
    cli_line(
        call,
        "`lingxi [-C DIR] [--json] [--lang zh|en] COMMAND ...`. Made by `lingxi help --markdown`.");
    for (size_t i = 0; i < cli_command_count; i++) {
        const struct cli_command *command = &cli_commands[i];
        cli_line(call, "");
        cli_line(call, "## `%s%s%s`", command->name, command->arguments[0] == '\0' ? "" : " ",
                 command->arguments);
        cli_line(call, "");
        cli_line(call, "%s · %s.", command->zh, command->en);
        if (command->options[0].name != NULL) cli_line(call, "");
        for (int k = 0; k < CLI_OPTIONS_MAX && command->options[k].name != NULL; k++) {
            char left[64];
            option_left(&command->options[k], left);
            cli_line(call, "- `%s`: %s · %s", left, command->options[k].zh, command->options[k].en);
        }
    }
}

static void help_json(struct cli_call *call)
{
    json_name(&call->json, "commands");
    json_array_begin(&call->json);
    for (size_t i = 0; i < cli_command_count; i++) {
        json_object_begin(&call->json);
        json_name_text(&call->json, "name", cli_commands[i].name);
        json_name_text(&call->json, "arguments", cli_commands[i].arguments);
        json_name_text(&call->json, "zh", cli_commands[i].zh);
        json_name_text(&call->json, "en", cli_commands[i].en);
        json_object_end(&call->json);
    }
    json_array_end(&call->json);
}

enum lx_err cli_help(struct cli_call *call, struct lx_error *err)
{
    if (call->is_json) {
        help_json(call);
        return LX_OK;
    }
    if (cli_flag(call, "--markdown")) {
        help_markdown(call);
        return LX_OK;
    }
    if (call->argument_count == 0) {
        help_all(call);
        return LX_OK;
    }
    const char *name = call->arguments[call->argument_count - 1];
    for (size_t i = 0; i < cli_command_count; i++) {
        if (strcmp(cli_commands[i].name, name) != 0) continue;
        help_command(call, &cli_commands[i]);
        return LX_OK;
    }
    return lx_fail(err, LX_ERR_USAGE, "no command `%s`; `lingxi help` lists them", name);
}
