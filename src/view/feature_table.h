#ifndef VIEW_FEATURE_TABLE_H
#define VIEW_FEATURE_TABLE_H

/*
 * feature_table: every feature in one row: name, group, unit, titles, definition in words near the
 * expression language, and the C expression that computes it. Private to view.
 *
 * Customer features read `s`, the struct view_state. Features of products read `h`, what the
 * customer did with the product; derived ones read `d`, everything that can be told from facts,
 * catalogue and peers without the history.
 * Order is the order of columns; a change of any text changes the feature set's hash.
 */

/* clang-format off */
#define VIEW_CUSTOMER_MAP(X)                                                                       \
    X(age, PROFILE, YEARS, "年龄", "age", "age()", known_int(s_age(s), s_age(s) >= 0))             \
    X(is_male, PROFILE, FLAG, "男性", "male", "gender = 'male'", is_male(s))                       \
    X(tenure_years, PROFILE, YEARS, "开户年限", "years with the bank",                             \
      "days_since(joined) / 365.25", tenure_years(s))                                              \
    X(has_phone, PROFILE, FLAG, "留有手机号", "phone number on file", "has_phone", has_phone(s))   \
    X(declared_income, PROFILE, FEN, "申报月收入", "declared monthly income", "income",            \
      s->profile == NULL ? NAN : fen(s->profile->income_fen))                                      \
    X(education, PROFILE, CODE, "学历", "education", "code(education)",                            \
      s->profile == NULL ? NAN : code_of(s->profile->education))                                   \
    X(marital, PROFILE, CODE, "婚姻状况", "marital status", "code(marital)",                       \
      s->profile == NULL ? NAN : code_of(s->profile->marital))                                     \
    X(risk_level, PROFILE, LEVEL, "风险承受等级", "risk level",                                    \
      "risk_level, 0 without a valid assessment", (float)risk_level(s))                            \
    X(days_to_risk_expiry, PROFILE, DAYS, "风险测评剩余天数", "days until the assessment expires", \
      "days_until(risk_expires)", days_to_risk_expiry(s))                                          \
                                                                                                   \
    X(balance, ASSETS, FEN, "账户余额", "balance", "last(balance)", fen(s->balance.last_fen))      \
    X(balance_mean_30d, ASSETS, FEN, "近30天日均余额", "mean daily balance over 30 days",          \
      "avg(balance) over 30 days", balance_mean(s, 0))                                             \
    X(balance_mean_90d, ASSETS, FEN, "近90天日均余额", "mean daily balance over 90 days",          \
      "avg(balance) over 90 days", balance_mean(s, 1))                                             \
    X(balance_mean_365d, ASSETS, FEN, "近一年日均余额", "mean daily balance over 365 days",        \
      "avg(balance) over 365 days", balance_mean(s, 2))                                            \
    X(balance_min_90d, ASSETS, FEN, "近90天最低余额", "lowest balance in 90 days",                 \
      "min(balance) over 90 days", fen(s->balance.min_90d_fen))                                    \
    X(balance_max_90d, ASSETS, FEN, "近90天最高余额", "highest balance in 90 days",                \
      "max(balance) over 90 days", fen(s->balance.max_90d_fen))                                    \
    X(balance_slope_90d, ASSETS, FEN, "近90天余额月趋势", "balance trend a month, over 90 days",   \
      "slope(balance) over 90 days * 30", balance_slope(s))                                        \
    X(balance_change_30d, ASSETS, FEN, "近30天余额变化", "balance against 30 days ago",            \
      "last(balance) - last(balance) before 30 days",                                              \
      fen_change(s->balance.last_fen, s->balance.fen_30d_ago))                                     \
    X(balance_change_90d, ASSETS, FEN, "近90天余额变化", "balance against 90 days ago",            \
      "last(balance) - last(balance) before 90 days",                                              \
      fen_change(s->balance.last_fen, s->balance.fen_90d_ago))                                     \
    X(balance_to_mean_365d, ASSETS, RATIO, "余额与年均之比", "balance against its yearly mean",    \
      "last(balance) / avg(balance) over 365 days",                                                \
      ratio(fen(s->balance.last_fen), balance_mean(s, 2)))                                         \
    X(balance_in_salaries, ASSETS, RATIO, "余额相当于月薪数", "balance in monthly salaries",       \
      "last(balance) / avg(amount) where kind = 'salary' over 365 days",                           \
      ratio(fen(s->balance.last_fen), mean_amount(s, VIEW_365D, SALARY)))                          \
    X(matured_30d, ASSETS, FEN, "近30天到期存款", "deposits matured in 30 days",                   \
      "sum(amount) where kind = 'deposit_matured' over 30 days",                                   \
      sum(s, VIEW_30D, DEPOSIT_MATURED))                                                           \
    X(days_since_matured, ASSETS, DAYS, "距存款到期天数", "days since a deposit matured",          \
      "days_since_last() where kind = 'deposit_matured'", days_since(s, DEPOSIT_MATURED))          \
                                                                                                   \
    X(salaries_90d, ACTIVITY, COUNT, "近90天工资笔数", "salaries in 90 days",                      \
      "count() where kind = 'salary' over 90 days", count(s, VIEW_90D, SALARY))                    \
    X(salaries_365d, ACTIVITY, COUNT, "近一年工资笔数", "salaries in 365 days",                    \
      "count() where kind = 'salary' over 365 days", count(s, VIEW_365D, SALARY))                  \
    X(salary_mean_365d, ACTIVITY, FEN, "近一年平均工资", "mean salary over 365 days",              \
      "avg(amount) where kind = 'salary' over 365 days", mean_amount(s, VIEW_365D, SALARY))        \
    X(days_since_salary, ACTIVITY, DAYS, "距上次工资天数", "days since a salary",                  \
      "days_since_last() where kind = 'salary'", days_since(s, SALARY))                            \
    X(inflow_30d, ACTIVITY, FEN, "近30天资金流入", "money in over 30 days",                        \
      "sum(amount) where is_flow and amount > 0 over 30 days", (float)s->inflow_fen[VIEW_30D])     \
    X(inflow_90d, ACTIVITY, FEN, "近90天资金流入", "money in over 90 days",                        \
      "sum(amount) where is_flow and amount > 0 over 90 days", (float)s->inflow_fen[VIEW_90D])     \
    X(outflow_30d, ACTIVITY, FEN, "近30天资金流出", "money out over 30 days",                      \
      "-sum(amount) where is_flow and amount < 0 over 30 days", (float)s->outflow_fen[VIEW_30D])   \
    X(outflow_90d, ACTIVITY, FEN, "近90天资金流出", "money out over 90 days",                      \
      "-sum(amount) where is_flow and amount < 0 over 90 days", (float)s->outflow_fen[VIEW_90D])   \
    X(net_flow_90d, ACTIVITY, FEN, "近90天净流入", "net money in over 90 days",                    \
      "sum(amount) where is_flow over 90 days",                                                    \
      (float)(s->inflow_fen[VIEW_90D] - s->outflow_fen[VIEW_90D]))                                 \
    X(largest_inflow_30d, ACTIVITY, FEN, "近30天最大单笔流入", "largest single inflow in 30 days", \
      "max(amount) where is_flow over 30 days", (float)s->largest_inflow_30d_fen)                  \
    X(has_large_inflow_30d, ACTIVITY, FLAG, "近30天有大额流入", "large inflow in 30 days",         \
      "largest_inflow_30d >= 10000 and largest_inflow_30d >= 3 * (monthly inflow over 365 days)",  \
      (float)view_has_large_inflow(s))                                                             \
    X(acts_7d, ACTIVITY, COUNT, "近7天活动次数", "acts in 7 days",                                 \
      "count() where is_act over 7 days", (float)s->acts[VIEW_7D])                                 \
    X(acts_30d, ACTIVITY, COUNT, "近30天活动次数", "acts in 30 days",                              \
      "count() where is_act over 30 days", (float)s->acts[VIEW_30D])                               \
    X(acts_90d, ACTIVITY, COUNT, "近90天活动次数", "acts in 90 days",                              \
      "count() where is_act over 90 days", (float)s->acts[VIEW_90D])                               \
    X(acts_365d, ACTIVITY, COUNT, "近一年活动次数", "acts in 365 days",                            \
      "count() where is_act over 365 days", (float)s->acts[VIEW_365D])                             \
    X(active_days_90d, ACTIVITY, COUNT, "近90天活跃天数", "active days in 90",                     \
      "distinct(day) where is_act over 90 days", (float)s->active_days_90d)                        \
    X(act_trend, ACTIVITY, RATIO, "活跃度趋势", "activity of 90 days against the year's",          \
      "(acts_90d / 90) / (acts_365d / 365)",                                                       \
      ratio((float)s->acts[VIEW_90D] * 365, (float)s->acts[VIEW_365D] * 90))                       \
    X(days_since_act, ACTIVITY, DAYS, "距上次活动天数", "days since the last act",                 \
      "days_since_last() where is_act", view_days_since(&s->moment, s->last_act_ms))               \
    X(transfers_in_90d, ACTIVITY, COUNT, "近90天转入次数", "transfers in over 90 days",            \
      "count() where kind = 'transfer_in' over 90 days", count(s, VIEW_90D, TRANSFER_IN))          \
    X(transfers_out_90d, ACTIVITY, COUNT, "近90天转出次数", "transfers out over 90 days",          \
      "count() where kind = 'transfer_out' over 90 days", count(s, VIEW_90D, TRANSFER_OUT))        \
    X(cash_90d, ACTIVITY, COUNT, "近90天存取现次数", "cash in and out over 90 days",               \
      "count() where kind in ('cash_in', 'cash_out') over 90 days",                                \
      count(s, VIEW_90D, CASH_IN) + count(s, VIEW_90D, CASH_OUT))                                  \
    X(bills_90d, ACTIVITY, COUNT, "近90天生活缴费次数", "bills paid in 90 days",                   \
      "count() where kind = 'bill_payment' over 90 days", count(s, VIEW_90D, BILL_PAYMENT))        \
    X(card_payments_90d, ACTIVITY, COUNT, "近90天刷卡次数", "card payments in 90 days",            \
      "count() where kind = 'card_payment' over 90 days", count(s, VIEW_90D, CARD_PAYMENT))        \
    X(repayments_90d, ACTIVITY, COUNT, "近90天还款次数", "repayments in 90 days",                  \
      "count() where kind = 'loan_repayment' over 90 days", count(s, VIEW_90D, LOAN_REPAYMENT))    \
    X(complaints_365d, ACTIVITY, COUNT, "近一年投诉次数", "complaints in 365 days",                \
      "count() where kind = 'complaint' over 365 days", count(s, VIEW_365D, COMPLAINT))            \
    X(days_since_card_replaced, ACTIVITY, DAYS, "距社保卡换发天数",                                \
      "days since the social-security card was replaced",                                          \
      "days_since_last() where kind = 'card_replaced'", days_since(s, CARD_REPLACED))              \
    X(overdues_365d, ACTIVITY, COUNT, "近一年逾期次数", "overdue payments in 365 days",            \
      "count() where kind = 'overdue' over 365 days", count(s, VIEW_365D, OVERDUE))                \
    X(is_overdue, ACTIVITY, FLAG, "当前逾期", "payment overdue now",                               \
      "exists(overdue without a later loan_repayment)", (float)s->is_overdue)                      \
                                                                                                   \
    X(logins_7d, CHANNELS, COUNT, "近7天登录次数", "logins in 7 days",                             \
      "count() where kind = 'login' over 7 days", count(s, VIEW_7D, LOGIN))                        \
    X(logins_30d, CHANNELS, COUNT, "近30天登录次数", "logins in 30 days",                          \
      "count() where kind = 'login' over 30 days", count(s, VIEW_30D, LOGIN))                      \
    X(logins_90d, CHANNELS, COUNT, "近90天登录次数", "logins in 90 days",                          \
      "count() where kind = 'login' over 90 days", count(s, VIEW_90D, LOGIN))                      \
    X(days_since_login, CHANNELS, DAYS, "距上次登录天数", "days since the last login",             \
      "days_since_last() where kind = 'login'", days_since(s, LOGIN))                              \
    X(mobile_acts_90d, CHANNELS, COUNT, "近90天手机银行活动", "mobile-bank acts in 90 days",       \
      "count() where is_act and channel = 'mobile' over 90 days", channel(s, VIEW_90D, MOBILE))    \
    X(mobile_share_365d, CHANNELS, SHARE, "近一年手机银行占比", "mobile share of acts in 365 days",\
      "count() where is_act and channel = 'mobile' over 365 days / acts_365d",                     \
      ratio(channel(s, VIEW_365D, MOBILE), (float)s->acts[VIEW_365D]))                             \
    X(counter_acts_90d, CHANNELS, COUNT, "近90天柜面活动", "counter acts in 90 days",              \
      "count() where is_act and channel = 'counter' over 90 days", channel(s, VIEW_90D, COUNTER))  \
    X(atm_acts_90d, CHANNELS, COUNT, "近90天自助机活动", "ATM acts in 90 days",                    \
      "count() where is_act and channel = 'atm' over 90 days", channel(s, VIEW_90D, ATM))          \
    X(web_acts_90d, CHANNELS, COUNT, "近90天网上银行活动", "web-bank acts in 90 days",             \
      "count() where is_act and channel = 'web' over 90 days", channel(s, VIEW_90D, WEB))          \
    X(visits_90d, CHANNELS, COUNT, "近90天到访网点次数", "branch visits in 90 days",               \
      "count() where kind = 'visit' over 90 days", count(s, VIEW_90D, VISIT))                      \
    X(calls_90d, CHANNELS, COUNT, "近90天客服来电次数", "calls in 90 days",                        \
      "count() where kind = 'call' over 90 days", count(s, VIEW_90D, CALL))                        \
                                                                                                   \
    X(spending_30d, SPENDING, FEN, "近30天消费", "spending in 30 days",                            \
      "-sum(amount) where kind in ('card_payment', 'bill_payment') over 30 days",                  \
      sum(s, VIEW_30D, CARD_PAYMENT) + sum(s, VIEW_30D, BILL_PAYMENT))                             \
    X(spending_90d, SPENDING, FEN, "近90天消费", "spending in 90 days",                            \
      "-sum(amount) where kind in ('card_payment', 'bill_payment') over 90 days",                  \
      sum(s, VIEW_90D, CARD_PAYMENT) + sum(s, VIEW_90D, BILL_PAYMENT))                             \
    X(grocery_share, SPENDING, SHARE, "日用消费占比", "groceries' share of spending",              \
      "share(merchant = 'grocery') over 365 days", spent_share(s, GROCERY))                        \
    X(dining_share, SPENDING, SHARE, "餐饮消费占比", "dining's share of spending",                 \
      "share(merchant = 'dining') over 365 days", spent_share(s, DINING))                          \
    X(transport_share, SPENDING, SHARE, "交通加油占比", "transport and fuel's share of spending",  \
      "share(merchant in ('transport', 'fuel')) over 365 days",                                    \
      spent_share(s, TRANSPORT) + spent_share(s, FUEL))                                            \
    X(health_share, SPENDING, SHARE, "医疗消费占比", "health's share of spending",                 \
      "share(merchant = 'health') over 365 days", spent_share(s, HEALTH))                          \
    X(education_share, SPENDING, SHARE, "教育消费占比", "education's share of spending",           \
      "share(merchant = 'education') over 365 days", spent_share(s, EDUCATION))                    \
    X(travel_share, SPENDING, SHARE, "旅行消费占比", "travel's share of spending",                 \
      "share(merchant = 'travel') over 365 days", spent_share(s, TRAVEL))                          \
    X(home_share, SPENDING, SHARE, "家居建材占比", "home and building's share of spending",        \
      "share(merchant = 'home') over 365 days", spent_share(s, HOME))                              \
    X(mother_child_share, SPENDING, SHARE, "母婴消费占比", "mother and child's share of spending", \
      "share(merchant = 'mother_child') over 365 days", spent_share(s, MOTHER_CHILD))              \
    X(luxury_share, SPENDING, SHARE, "珠宝奢侈品占比", "luxury's share of spending",               \
      "share(merchant = 'luxury') over 365 days", spent_share(s, LUXURY))                          \
    X(farming_share, SPENDING, SHARE, "农资支出占比", "farm supplies' share of spending",          \
      "share(merchant = 'farming') over 365 days", spent_share(s, FARMING))                        \
    X(wholesale_share, SPENDING, SHARE, "批发进货占比", "wholesale's share of spending",           \
      "share(merchant = 'wholesale') over 365 days", spent_share(s, WHOLESALE))                    \
    X(securities_share, SPENDING, SHARE, "证券转账占比", "securities houses' share of spending",   \
      "share(merchant = 'securities') over 365 days", spent_share(s, SECURITIES))                  \
    X(insurance_share, SPENDING, SHARE, "保险支出占比", "insurers' share of spending",             \
      "share(merchant = 'insurance') over 365 days", spent_share(s, INSURANCE))                    \
                                                                                                   \
    X(views_7d, BROWSING, COUNT, "近7天浏览产品页次数", "product pages viewed in 7 days",          \
      "count() where kind = 'page_view' over 7 days", count(s, VIEW_7D, PAGE_VIEW))                \
    X(views_30d, BROWSING, COUNT, "近30天浏览产品页次数", "product pages viewed in 30 days",       \
      "count() where kind = 'page_view' over 30 days", count(s, VIEW_30D, PAGE_VIEW))              \
    X(views_90d, BROWSING, COUNT, "近90天浏览产品页次数", "product pages viewed in 90 days",       \
      "count() where kind = 'page_view' over 90 days", count(s, VIEW_90D, PAGE_VIEW))              \
    X(dwell_30d, BROWSING, SECONDS, "近30天浏览时长", "seconds on product pages in 30 days",       \
      "sum(quantity) where kind = 'page_view' over 30 days", (float)s->dwell_seconds[VIEW_30D])    \
    X(dwell_90d, BROWSING, SECONDS, "近90天浏览时长", "seconds on product pages in 90 days",       \
      "sum(quantity) where kind = 'page_view' over 90 days", (float)s->dwell_seconds[VIEW_90D])    \
    X(skips_90d, BROWSING, COUNT, "近90天跳过产品页次数", "product pages skipped in 90 days",      \
      "count() where kind = 'page_skip' over 90 days", count(s, VIEW_90D, PAGE_SKIP))              \
    X(products_viewed_90d, BROWSING, COUNT, "近90天浏览产品数", "products looked at in 90 days",   \
      "distinct(product) where kind = 'page_view' over 90 days", products_viewed(s))               \
    X(days_since_view, BROWSING, DAYS, "距上次浏览天数", "days since a product page was viewed",   \
      "days_since_last() where kind = 'page_view'", days_since(s, PAGE_VIEW))                      \
                                                                                                   \
    X(holdings, HISTORY, COUNT, "持有产品数", "products held", "count(holdings)",                  \
      (float)s->held_count)                                                                        \
    X(savings_held, HISTORY, COUNT, "持有储蓄产品数", "savings products held",                     \
      "count(holdings) where category = 'savings'", held(s, SAVINGS))                              \
    X(credit_held, HISTORY, COUNT, "持有信贷产品数", "credit products held",                       \
      "count(holdings) where category = 'credit'", held(s, CREDIT))                                \
    X(wealth_held, HISTORY, COUNT, "持有理财产品数", "wealth products held",                       \
      "count(holdings) where category = 'wealth'", held(s, WEALTH))                                \
    X(protection_held, HISTORY, COUNT, "持有保障产品数", "protection products held",               \
      "count(holdings) where category = 'protection'", held(s, PROTECTION))                        \
    X(payment_held, HISTORY, COUNT, "持有支付产品数", "payment products held",                     \
      "count(holdings) where category = 'payment'", held(s, PAYMENT))                              \
    X(opens_365d, HISTORY, COUNT, "近一年开通产品次数", "products opened in 365 days",             \
      "count() where kind = 'open' over 365 days", count(s, VIEW_365D, OPEN))                      \
    X(closes_365d, HISTORY, COUNT, "近一年关闭产品次数", "products closed in 365 days",            \
      "count() where kind = 'close' over 365 days", count(s, VIEW_365D, CLOSE))                    \
    X(days_since_open, HISTORY, DAYS, "距上次开通产品天数", "days since a product was opened",     \
      "days_since_last() where kind = 'open'", days_since(s, OPEN))                                \
    X(days_since_first_open, HISTORY, DAYS, "距首次开通产品天数",                                  \
      "days since the first product was opened", "days_since_first() where kind = 'open'",         \
      view_days_since(&s->moment, s->first_open_ms))                                               \
    X(days_since_close, HISTORY, DAYS, "距上次关闭产品天数", "days since a product was closed",    \
      "days_since_last() where kind = 'close'", days_since(s, CLOSE))                              \
                                                                                                   \
    X(shown_90d, OFFERS, COUNT, "近90天触达次数", "offers shown in 90 days",                       \
      "count(offers) over 90 days", (float)s->shown[VIEW_90D])                                     \
    X(shown_365d, OFFERS, COUNT, "近一年触达次数", "offers shown in 365 days",                     \
      "count(offers) over 365 days", (float)s->shown[VIEW_365D])                                   \
    X(interested_365d, OFFERS, COUNT, "近一年感兴趣次数", "offers accepted in 365 days",           \
      "count(offers) where answer in ('interested', 'bought') over 365 days",                      \
      (float)s->interested[VIEW_365D])                                                             \
    X(refused_365d, OFFERS, COUNT, "近一年拒绝次数", "offers refused in 365 days",                 \
      "count(offers) where answer = 'not_interested' over 365 days",                               \
      (float)s->refused[VIEW_365D])                                                                \
    X(days_since_shown, OFFERS, DAYS, "距上次触达天数", "days since an offer was shown",           \
      "days_since_last(offers)", view_days_since(&s->moment, s->last_shown_ms))                    \
    X(days_since_answer, OFFERS, DAYS, "距上次答复天数", "days since an offer was answered",       \
      "days_since_last(answers) where answer <> 'ignored'",                                        \
      view_days_since(&s->moment, s->last_answer_ms))                                              \

/* What his cohort and branch say of the customer; `c` are the peers' rates. They are the last
 * customer features, and follow from four of the others. */
#define VIEW_CUSTOMER_PEERS_MAP(X)                                                                 \
    X(cohort_holder_share, PEERS, SHARE, "同类客户持有率",                                         \
      "share of like customers who hold more than savings",                                        \
      "share(holds('credit', 'wealth', 'protection', 'payment')) in cohort", c.cohort_holders)     \
    X(cohort_opening_share, PEERS, SHARE, "同类客户近30天开通率",                                  \
      "products opened by each like customer in 30 days",                                          \
      "count() where kind = 'open' over 30 days, mean in cohort", c.cohort_openings)               \
    X(branch_holder_share, PEERS, SHARE, "同网点客户持有率",                                       \
      "share of the branch's customers who hold more than savings",                                \
      "share(holds('credit', 'wealth', 'protection', 'payment')) in branch", c.branch_holders)     \
    X(branch_customers, PEERS, COUNT, "所属网点客户数", "customers of the branch",                 \
      "count(customers) in branch", c.branch_customers)

/* What the customer did with one product; most rows are the default, that of a product which he
 * never met, and a snapshot keeps only the others. */
#define VIEW_PAIR_HISTORY_MAP(X)                                                                   \
    X(product_opened_before, PRODUCT, COUNT, "曾开通该产品次数", "times this product was opened",  \
      "count() where kind = 'open' and product = this", (float)h->opens)                           \
    X(days_since_product_close, PRODUCT, DAYS, "距关闭该产品天数",                                 \
      "days since this product was closed",                                                        \
      "days_since_last() where kind = 'close' and product = this",                                 \
      view_days_since(moment, h->last_close_ms))                                                   \
    X(product_views_7d, PRODUCT, COUNT, "近7天浏览该产品次数", "views of this product in 7 days",  \
      "count() where kind = 'page_view' and product = this over 7 days", (float)h->views[VIEW_7D]) \
    X(product_views_30d, PRODUCT, COUNT, "近30天浏览该产品次数",                                   \
      "views of this product in 30 days",                                                          \
      "count() where kind = 'page_view' and product = this over 30 days",                          \
      (float)h->views[VIEW_30D])                                                                   \
    X(product_views_90d, PRODUCT, COUNT, "近90天浏览该产品次数",                                   \
      "views of this product in 90 days",                                                          \
      "count() where kind = 'page_view' and product = this over 90 days",                          \
      (float)h->views[VIEW_90D])                                                                   \
    X(product_dwell_30d, PRODUCT, SECONDS, "近30天浏览该产品时长",                                 \
      "seconds on this product's page in 30 days",                                                 \
      "sum(quantity) where kind = 'page_view' and product = this over 30 days",                    \
      (float)h->dwell_seconds[VIEW_30D])                                                           \
    X(product_dwell_90d, PRODUCT, SECONDS, "近90天浏览该产品时长",                                 \
      "seconds on this product's page in 90 days",                                                 \
      "sum(quantity) where kind = 'page_view' and product = this over 90 days",                    \
      (float)h->dwell_seconds[VIEW_90D])                                                           \
    X(product_skips_90d, PRODUCT, COUNT, "近90天跳过该产品次数",                                   \
      "times this product's page was skipped in 90 days",                                          \
      "count() where kind = 'page_skip' and product = this over 90 days", (float)h->skips_90d)     \
    X(days_since_product_view, PRODUCT, DAYS, "距上次浏览该产品天数",                              \
      "days since this product's page was viewed",                                                 \
      "days_since_last() where kind = 'page_view' and product = this",                             \
      view_days_since(moment, h->last_view_ms))                                                    \
    X(product_shown_365d, PRODUCT, COUNT, "近一年该产品触达次数",                                  \
      "times this product was offered in 365 days",                                                \
      "count(offers) where product = this over 365 days", (float)h->shown_365d)                    \
    X(product_interested_365d, PRODUCT, COUNT, "近一年对该产品感兴趣次数",                         \
      "times this product was welcome in 365 days",                                                \
      "count(offers) where product = this and answer in ('interested', 'bought') over 365 days",   \
      (float)h->interested_365d)                                                                   \
    X(product_refused_365d, PRODUCT, COUNT, "近一年拒绝该产品次数",                                \
      "times this product was refused in 365 days",                                                \
      "count(offers) where product = this and answer = 'not_interested' over 365 days",            \
      (float)h->refused_365d)                                                                      \
    X(days_since_product_shown, PRODUCT, DAYS, "距上次推荐该产品天数",                             \
      "days since this product was offered", "days_since_last(offers) where product = this",       \
      view_days_since(moment, h->last_shown_ms))                                                   \
    X(days_since_product_interest, PRODUCT, DAYS, "距上次对该产品感兴趣天数",                      \
      "days since this product was welcome",                                                       \
      "days_since_last(answers) where product = this and answer in ('interested', 'bought')",      \
      view_days_since(moment, h->last_interest_ms))

/* What follows from facts, catalogue and peers. */
#define VIEW_PAIR_DERIVED_MAP(X)                                                                   \
    X(product_is_savings, PRODUCT, FLAG, "储蓄类产品", "a savings product",                        \
      "product.category = 'savings'", is_category(d, SAVINGS))                                     \
    X(product_is_credit, PRODUCT, FLAG, "信贷类产品", "a credit product",                          \
      "product.category = 'credit'", is_category(d, CREDIT))                                       \
    X(product_is_wealth, PRODUCT, FLAG, "理财类产品", "a wealth product",                          \
      "product.category = 'wealth'", is_category(d, WEALTH))                                       \
    X(product_is_protection, PRODUCT, FLAG, "保障类产品", "a protection product",                  \
      "product.category = 'protection'", is_category(d, PROTECTION))                               \
    X(product_is_payment, PRODUCT, FLAG, "支付类产品", "a payment product",                        \
      "product.category = 'payment'", is_category(d, PAYMENT))                                     \
    X(product_risk, PRODUCT, LEVEL, "产品风险等级", "risk of the product", "product.risk",         \
      (float)d->product->risk)                                                                     \
    X(product_minimum_log, PRODUCT, RATIO, "起购金额(对数)", "minimum amount, logarithm",          \
      "log10(1 + product.minimum)", minimum_log(d))                                                \
    X(product_rate, PRODUCT, SHARE, "产品利率", "rate of the product", "product.rate",             \
      (float)((double)d->terms.rate_ppm / 1e6))                                                    \
    X(product_term_days, PRODUCT, DAYS, "产品期限", "term of the product", "product.term_days",    \
      (float)d->terms.term_days)                                                                   \
    X(product_age_years, PRODUCT, YEARS, "产品上市年数", "years since the product's launch",       \
      "days_since(product.launched) / 365.25", product_age_years(d))                               \
    X(product_is_green, PRODUCT, FLAG, "绿色金融产品", "green finance", "product.is_green",        \
      (float)d->product->is_green)                                                                 \
    X(product_held, HISTORY, FLAG, "已持有该产品", "this product is held",                         \
      "holds_product(this)", (float)view_holds(d->facts, d->index))                                \
    X(category_held, HISTORY, COUNT, "已持有同类产品数", "products held of this category",         \
      "count(holdings) where category = product.category", category_held(d))                       \
    X(minimum_to_assets, PRODUCT, RATIO, "起购金额与余额之比", "minimum amount against balance",   \
      "product.minimum / last(balance)", minimum_to_assets(d))                                     \
    X(risk_gap, PRODUCT, LEVEL, "风险承受余量", "risk level above the product's",                  \
      "risk_level - product.risk", risk_gap(d))                                                    \
    X(is_in_age_range, PRODUCT, FLAG, "在目标年龄内", "within the product's target age",           \
      "age() between product.age_min and product.age_max", is_in_age_range(d))                     \
    X(cohort_holding_rate, PEERS, SHARE, "同类客户持有该产品比例",                                 \
      "like customers who hold this product", "share(holds_product(this)) in cohort",              \
      d->rates.cohort_holding)                                                                     \
    X(cohort_opening_rate, PEERS, SHARE, "同类客户近30天开通该产品比例",                           \
      "like customers who opened this product in 30 days",                                         \
      "share(opened(this) over 30 days) in cohort", d->rates.cohort_opening)                       \
    X(cohort_opening_rate_365d, PEERS, SHARE, "同类客户近一年开通该产品比例",                      \
      "like customers who opened this product in 365 days",                                        \
      "share(opened(this) over 365 days) in cohort", d->rates.cohort_opening_365d)                 \
    X(branch_holding_rate, PEERS, SHARE, "同网点客户持有该产品比例",                               \
      "the branch's customers who hold this product", "share(holds_product(this)) in branch",      \
      d->rates.branch_holding)                                                                     \
    X(branch_opening_rate, PEERS, SHARE, "同网点客户近30天开通该产品比例",                         \
      "the branch's customers who opened this product in 30 days",                                 \
      "share(opened(this) over 30 days) in branch", d->rates.branch_opening)                       \
    X(occupation_holding_rate, PEERS, SHARE, "同职业客户持有该产品比例",                           \
      "customers of the occupation who hold this product",                                         \
      "share(holds_product(this)) in occupation", d->rates.occupation_holding)                     \
    X(bank_holding_rate, PEERS, SHARE, "全行持有该产品比例", "customers who hold this product",    \
      "share(holds_product(this))", d->rates.bank_holding)                                         \
    X(bank_opening_rate, PEERS, SHARE, "全行近30天开通该产品比例",                                 \
      "customers who opened this product in 30 days", "share(opened(this) over 30 days)",          \
      d->rates.bank_opening)                                                                       \
    X(bank_opening_rate_365d, PEERS, SHARE, "全行近一年开通该产品比例",                            \
      "customers who opened this product in 365 days", "share(opened(this) over 365 days)",        \
      d->rates.bank_opening_365d)                                                                  \
    X(lift_max, PEERS, RATIO, "与已持有产品的最大关联度", "strongest tie to a product held",       \
      "max(lift(held, this))", lift_max(d))                                                        \
    X(lift_log_sum, PEERS, RATIO, "与已持有产品的关联度合计", "ties to the products held",         \
      "sum(log(lift(held, this)))", lift_log_sum(d))
/* clang-format on */

/* Where each customer feature stands. */
enum view_customer_column {
#define X(name, group, unit, zh, en, definition, expression) VIEW_CUSTOMER_##name,
    VIEW_CUSTOMER_MAP(X) VIEW_CUSTOMER_PEERS_MAP(X)
#undef X
        VIEW_CUSTOMER_COUNT
};

#endif
