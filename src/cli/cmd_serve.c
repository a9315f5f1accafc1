/* `serve`: the bank over HTTP. */
#include "cli/cli.h"

#include <stdio.h>

#include "api/api.h"
#include "host/env.h"

enum lx_err cli_serve(struct cli_call *call, struct lx_error *err)
{
    struct api_lone_key key;
    struct api_authorizer authorizer = api_lone_key_authorizer(&key);
    struct api *api = NULL;
    const char *listen = cli_value(call, "--listen");
    const struct api_options options = {.folder = call->folder,
                                        .listen = listen != NULL ? listen : "127.0.0.1:8080",
                                        .certificate_file = cli_value(call, "--certificate"),
                                        .key_file = cli_value(call, "--key"),
                                        .authorizer = &authorizer,
                                        .env = &call->env};
    if ((options.certificate_file == NULL) != (options.key_file == NULL))
        return lx_fail(err, LX_ERR_USAGE, "--certificate and --key go together");
    enum lx_err code = api_lone_key_init(host_variable("LINGXI_API_KEY"), &key, err);
    if (code == LX_OK) code = api_open(&options, &api, err);
    if (code == LX_OK) {
        char line[256];
        snprintf(line, sizeof line, "level=info event=ready address=%s", api_address(api));
        call->env.message(call->env.context, line);
        code = api_run(api, err);
        call->env.message(call->env.context, "level=info event=stopped");
    }
    api_close(api);
    if (code == LX_OK && call->is_json) json_name_bool(&call->json, "stopped", true);
    return code;
}
