#include "ingest/synth_model.h"

#include <stdio.h>

/* The monthly files are the two behind these; an empty header means none. */
static const struct {
    const char *name, *header;
} FILES[SYNTH_FILE_MONTHS] = {
    [SYNTH_FILE_CUSTOMERS] = {"customers.dat", ""},
    [SYNTH_FILE_ACCOUNTS] = {"accounts.dat", ""},
    [SYNTH_FILE_CONTRACTS] = {"contracts.dat", ""},
    [SYNTH_FILE_BALANCES] = {"balances.dat", ""},
    [SYNTH_FILE_SERVICE] = {"service.csv",
                            "seq,customer_id,time,kind,channel,product,amount_yuan\n"},
    [SYNTH_FILE_RISK] = {"risk.csv", "customer_id,level,assessed_on,expires_on\n"},
    [SYNTH_FILE_CAMPAIGN_LOG] = {"campaign_log.csv",
                                 "campaign,customer_id,product,channel,shown_at,"
                                 "show_probability_ppm,is_random,is_control,answer,answered_on\n"},
    [SYNTH_FILE_ASSIGNMENTS] = {"assignments.csv", "customer_id,staff,from,until\n"},
    [SYNTH_FILE_CONSENTS] = {"consents.csv", "customer_id,channel,granted,signed_on\n"},
    [SYNTH_FILE_DO_NOT_CONTACT] = {"do_not_contact.csv", "customer_id,channel,from,until\n"},
    [SYNTH_FILE_COMPLAINTS] = {"complaints.csv",
                               "customer_id,case_no,product,subject,filed_on,closed_on\n"},
    [SYNTH_FILE_CORRECTIONS] = {"corrections.csv",
                                "customer_id,seq,time,corrected_on,reversed,code,amount_yuan,"
                                "balance_yuan,channel,product,merchant\n"},
    [SYNTH_FILE_NEEDS] = {"truth/needs.csv", ""},
    [SYNTH_FILE_ACCEPTANCE] = {"truth/acceptance.csv", ""},
    [SYNTH_FILE_OFFERS] = {"truth/offers.csv", ""},
    [SYNTH_FILE_HIDDEN] = {"truth/hidden.csv", ""},
};

static bool is_txn(size_t file)
{
    return file >= SYNTH_FILE_MONTHS && (file - SYNTH_FILE_MONTHS) % 2 == 0;
}

size_t synth_file_count(const struct synth_world *world)
{
    return SYNTH_FILE_MONTHS + 2 * (size_t)world->month_count;
}

void synth_file_name(const struct synth_world *world, size_t file, char *ret_name, size_t size)
{
    LX_ASSERT(file < synth_file_count(world));

    if (file < SYNTH_FILE_MONTHS) {
        snprintf(ret_name, size, "%s", FILES[file].name);
        return;
    }
    struct lx_civil civil = lx_civil_of_day(world->month_days[(file - SYNTH_FILE_MONTHS) / 2]);
    snprintf(ret_name, size, "%s_%04d%02d.%s", is_txn(file) ? "txn" : "applog", civil.year,
             civil.month, is_txn(file) ? "dat" : "csv");
}

void synth_put_header(const struct synth_world *world, size_t file, struct lx_buffer *buffer)
{
    if (file >= SYNTH_FILE_NEEDS && file <= SYNTH_FILE_HIDDEN)
        synth_put_truth_header(world, file, buffer);
    else if (file < SYNTH_FILE_MONTHS)
        lx_buffer_append_text(buffer, FILES[file].header);
    else if (!is_txn(file))
        lx_buffer_append_text(buffer, "seq,customer_id,time,action,product,seconds,client\n");
}

void synth_put_trailer(size_t file, uint64_t rows, struct lx_buffer *buffer)
{
    bool is_dump = file <= SYNTH_FILE_BALANCES || is_txn(file);
    if (is_dump)
        lx_buffer_printf(buffer, "END%s%llu\n", file == SYNTH_FILE_CUSTOMERS ? "|@|" : "|!|",
                         (unsigned long long)rows);
}

static const char *const PLACES_ZH[SYNTH_PLACE_COUNT] = {
    [SYNTH_PLACE_CITY] = "城区", [SYNTH_PLACE_TOWN] = "城镇", [SYNTH_PLACE_VILLAGE] = "乡村"};

static void put_branches(const struct synth_world *world, struct lx_buffer *buffer)
{
    lx_buffer_append_text(buffer, "branch_code,name,region,opened_on\n");
    for (size_t i = 0; i < world->branch_count; i++) {
        const struct synth_branch *branch = &world->branches[i];
        lx_buffer_printf(buffer, "%s,%s,%s,%d-%02d-01\n", branch->code, branch->name,
                         PLACES_ZH[branch->place], 1998 + (int)(i * 7 % 20), 1 + (int)(i * 5 % 12));
    }
}

static void put_staff(const struct synth_world *world, struct lx_buffer *buffer)
{
    static const char *const SURNAMES[] = {"王", "李", "张", "刘", "陈", "杨",
                                           "赵", "黄", "周", "吴", "徐", "孙"};
    lx_buffer_append_text(buffer, "staff_code,name,role,branch_code,joined_on\n");
    for (size_t i = 0; i < world->branch_count; i++) {
        const struct synth_branch *branch = &world->branches[i];
        lx_buffer_printf(buffer, "L%05zu,%s行长,branch_manager,%s,%d-03-01\n", 10001 + i,
                         SURNAMES[(i * 5 + 3) % 12], branch->code, 2000 + (int)(i * 3 % 15));
        for (uint32_t j = 0; j < branch->manager_count; j++) {
            uint32_t number = branch->manager_first + j;
            lx_buffer_printf(buffer, "M%u,%s经理,rm,%s,%d-07-01\n", 10001u + number,
                             SURNAMES[number * 7 % 12], branch->code, 2005 + (int)(number % 17));
        }
    }
}

static void put_campaigns(const struct synth_world *world, struct lx_buffer *buffer)
{
    lx_buffer_append_text(
        buffer, "campaign,name,product,channel,starts_on,ends_on,control_share,random_share\n");
    for (size_t i = 0; i < world->campaign_count; i++) {
        const struct synth_campaign *campaign = &world->campaigns[i];
        const struct bank_product *product = &world->catalogue->products[campaign->product];
        char starts[LX_DATE_TEXT_SIZE], ends[LX_DATE_TEXT_SIZE];
        lx_day_format(campaign->start_day, starts);
        lx_day_format(campaign->start_day + SYNTH_CAMPAIGN_DAYS - 1, ends);
        lx_buffer_printf(buffer, "%s,%s %.7s,%s,%s,%s,%s,%g,%g\n", campaign->code, product->zh,
                         starts, product->code,
                         bank_channel_text((enum bank_channel)campaign->channel), starts, ends,
                         world->profile->control_share, world->profile->random_share);
    }
}

static const struct {
    const char *name;
    void (*put)(const struct synth_world *world, struct lx_buffer *buffer);
} SMALL[SYNTH_SMALL_FILES] = {
    {"branches.csv", put_branches},
    {"staff.csv", put_staff},
    {"campaigns.csv", put_campaigns},
    {"truth/parameters.ini", synth_put_parameters},
};

const char *synth_small_file_name(size_t file)
{
    LX_ASSERT(file < SYNTH_SMALL_FILES);
    return SMALL[file].name;
}

void synth_put_small_file(const struct synth_world *world, size_t file, struct lx_buffer *buffer)
{
    LX_ASSERT(file < SYNTH_SMALL_FILES);
    SMALL[file].put(world, buffer);
}
