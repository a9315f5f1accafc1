#ifndef DECIDE_EXPLAIN_TABLE_H
#define DECIDE_EXPLAIN_TABLE_H

/*
 * explain_table: what can be said of a feature, in one row: its name, its topic, the lowest and the
 * highest value that can be said, and the sentence in Chinese and in English. Private to decide.
 *
 * {n} a whole number, {n:time} with a noun in the right number, {yuan} an amount given in fen,
 * {percent} a share, {x} a ratio with one decimal, {years} whole years, {level} C1-C5,
 * {minutes} of a count of seconds, {days} "today" or "3 days ago", {held} the held product with the
 * strongest tie.
 */

#define EXPLAIN_ANY 3.4e38

/* clang-format off */
#define EXPLAIN_MAP(X)                                                                             \
    X(product_views_7d, product_interest, 1, EXPLAIN_ANY,                                          \
      "近7天浏览该产品页{n}次", "viewed this product's page {n:time} in 7 days")                   \
    X(product_views_30d, product_interest, 1, EXPLAIN_ANY,                                         \
      "近30天浏览该产品页{n}次", "viewed this product's page {n:time} in 30 days")                 \
    X(product_views_90d, product_interest, 1, EXPLAIN_ANY,                                         \
      "近90天浏览该产品页{n}次", "viewed this product's page {n:time} in 90 days")                 \
    X(product_dwell_30d, product_interest, 60, EXPLAIN_ANY,                                        \
      "近30天在该产品页停留{minutes}分钟", "spent {minutes} min on this product's page in 30 days") \
    X(product_dwell_90d, product_interest, 60, EXPLAIN_ANY,                                        \
      "近90天在该产品页停留{minutes}分钟", "spent {minutes} min on this product's page in 90 days") \
    X(days_since_product_view, product_interest, 0, 90,                                            \
      "{days}浏览过该产品页", "viewed this product's page {days}")                                 \
    X(product_interested_365d, product_welcome, 1, EXPLAIN_ANY,                                    \
      "近一年对该产品表示感兴趣{n}次", "showed interest in this product {n:time} in a year")       \
    X(days_since_product_interest, product_welcome, 0, 365,                                        \
      "{days}对该产品表示过兴趣", "showed interest in this product {days}")                        \
    X(product_opened_before, product_before, 1, EXPLAIN_ANY,                                       \
      "曾开通该产品{n}次", "opened this product {n:time} before")                                  \
    X(days_since_product_close, product_before, 0, 730,                                            \
      "{days}该产品到期或关闭", "had this product until {days}")                                   \
    X(category_held, category, 1, EXPLAIN_ANY,                                                     \
      "已持有同类产品{n}种", "holds {n:product} of the same category")                             \
    X(lift_max, ties, 1.1, EXPLAIN_ANY,                                                            \
      "持有{held}的客户开通该产品的可能是一般客户的{x}倍",                                         \
      "holders of {held} have this product {x} times as often as others")                          \
    X(risk_gap, risk, 0, 4,                                                                        \
      "风险承受能力覆盖该产品", "the assessed risk level covers this product")                     \
    X(risk_level, risk, 2, 5,                                                                      \
      "风险承受等级为{level}", "assessed risk level {level}")                                      \
    X(cohort_holding_rate, peers, 0.0005, 1,                                                       \
      "同类客户中{percent}持有该产品", "{percent} of like customers hold this product")            \
    X(cohort_opening_rate, peers, 0.0001, 1,                                                       \
      "同类客户近30天有{percent}开通该产品",                                                       \
      "{percent} of like customers opened it in the last 30 days")                                 \
    X(branch_holding_rate, branch_peers, 0.0005, 1,                                                \
      "同网点客户中{percent}持有该产品", "{percent} of the branch's customers hold this product")  \
    X(branch_opening_rate, branch_peers, 0.0001, 1,                                                \
      "同网点客户近30天有{percent}开通该产品",                                                     \
      "{percent} of the branch's customers opened it in the last 30 days")                         \
    X(occupation_holding_rate, occupation_peers, 0.0005, 1,                                        \
      "同职业客户中{percent}持有该产品", "{percent} of the same occupation hold this product")     \
    X(bank_opening_rate, popularity, 0.0001, 1,                                                    \
      "全行近30天有{percent}的客户开通该产品", "{percent} of all customers opened it in 30 days")  \
    X(bank_holding_rate, popularity, 0.0005, 1,                                                    \
      "全行{percent}的客户持有该产品", "{percent} of all customers hold this product")             \
    X(cohort_holder_share, cohort, 0.0005, 1,                                                      \
      "同类客户中{percent}持有储蓄以外的产品",                                                     \
      "{percent} of like customers hold more than savings")                                        \
    X(minimum_to_assets, affordable, 0, 0.5,                                                       \
      "账户余额远高于该产品起购金额", "the balance is well above this product's minimum")          \
    X(is_in_age_range, age, 1, 1,                                                                  \
      "年龄在该产品目标范围内", "of the age that this product is made for")                        \
    X(age, age, 0, 120, "年龄{years}岁", "aged {years}")                                           \
    X(tenure_years, tenure, 1, 120, "开户已{years}年", "with the bank for {years} years")          \
    X(declared_income, income, 1, EXPLAIN_ANY, "申报月收入{yuan}", "declares {yuan} a month")      \
    X(salary_mean_365d, income, 1, EXPLAIN_ANY,                                                    \
      "近一年月均工资{yuan}", "receives a salary of {yuan} a month")                               \
    X(salaries_90d, salary, 1, EXPLAIN_ANY,                                                        \
      "近90天工资入账{n}笔", "received {n:salary payment} in 90 days")                             \
    X(salaries_365d, salary, 1, EXPLAIN_ANY,                                                       \
      "近一年工资入账{n}笔", "received {n:salary payment} in a year")                              \
    X(days_since_salary, salary, 0, 45, "{days}有工资入账", "received a salary {days}")            \
    X(balance, assets, 100000, EXPLAIN_ANY, "账户余额{yuan}", "has a balance of {yuan}")           \
    X(balance_mean_30d, assets, 100000, EXPLAIN_ANY,                                               \
      "近30天日均余额{yuan}", "kept {yuan} a day over 30 days")                                    \
    X(balance_mean_90d, assets, 100000, EXPLAIN_ANY,                                               \
      "近90天日均余额{yuan}", "kept {yuan} a day over 90 days")                                    \
    X(balance_mean_365d, assets, 100000, EXPLAIN_ANY,                                              \
      "近一年日均余额{yuan}", "kept {yuan} a day over a year")                                     \
    X(balance_min_90d, assets, 100000, EXPLAIN_ANY,                                                \
      "近90天余额始终不低于{yuan}", "never had less than {yuan} in 90 days")                       \
    X(balance_max_90d, assets, 100000, EXPLAIN_ANY,                                                \
      "近90天余额最高{yuan}", "had up to {yuan} in 90 days")                                       \
    X(balance_in_salaries, assets, 2, EXPLAIN_ANY,                                                 \
      "余额相当于{x}个月工资", "holds {x} monthly salaries")                                       \
    X(balance_slope_90d, growth, 10000, EXPLAIN_ANY,                                               \
      "近90天余额每月增长约{yuan}", "balance grows by about {yuan} a month")                       \
    X(balance_change_30d, growth, 10000, EXPLAIN_ANY,                                              \
      "近30天余额增加{yuan}", "balance rose by {yuan} in 30 days")                                 \
    X(balance_change_90d, growth, 10000, EXPLAIN_ANY,                                              \
      "近90天余额增加{yuan}", "balance rose by {yuan} in 90 days")                                 \
    X(matured_30d, matured, 10000, EXPLAIN_ANY,                                                    \
      "近30天有{yuan}存款到期", "deposits of {yuan} matured in 30 days")                           \
    X(days_since_matured, matured, 0, 60, "{days}有存款到期", "a deposit matured {days}")          \
    X(inflow_30d, inflow, 10000, EXPLAIN_ANY, "近30天转入{yuan}", "took in {yuan} in 30 days")     \
    X(inflow_90d, inflow, 10000, EXPLAIN_ANY, "近90天转入{yuan}", "took in {yuan} in 90 days")     \
    X(net_flow_90d, inflow, 10000, EXPLAIN_ANY,                                                    \
      "近90天净流入{yuan}", "took in {yuan} more than went out in 90 days")                        \
    X(largest_inflow_30d, inflow, 10000, EXPLAIN_ANY,                                              \
      "近30天单笔转入最高{yuan}", "took in {yuan} at once in 30 days")                             \
    X(has_large_inflow_30d, inflow, 1, 1,                                                          \
      "近30天有异常大额转入", "had an unusually large inflow in 30 days")                          \
    X(outflow_30d, outflow, 10000, EXPLAIN_ANY, "近30天转出{yuan}", "paid out {yuan} in 30 days")  \
    X(outflow_90d, outflow, 10000, EXPLAIN_ANY, "近90天转出{yuan}", "paid out {yuan} in 90 days")  \
    X(acts_7d, activity, 1, EXPLAIN_ANY, "近7天有{n}次账户活动", "{n:act} in 7 days")              \
    X(acts_30d, activity, 1, EXPLAIN_ANY, "近30天有{n}次账户活动", "{n:act} in 30 days")           \
    X(acts_90d, activity, 1, EXPLAIN_ANY, "近90天有{n}次账户活动", "{n:act} in 90 days")           \
    X(acts_365d, activity, 1, EXPLAIN_ANY, "近一年有{n}次账户活动", "{n:act} in a year")           \
    X(active_days_90d, activity, 1, EXPLAIN_ANY, "近90天活跃{n}天", "active on {n:day} of 90")     \
    X(days_since_act, activity, 0, 30, "{days}有账户活动", "was active {days}")                    \
    X(transfers_in_90d, transfers, 1, EXPLAIN_ANY,                                                 \
      "近90天转入{n}次", "received {n:transfer} in 90 days")                                       \
    X(transfers_out_90d, transfers, 1, EXPLAIN_ANY,                                                \
      "近90天转出{n}次", "made {n:transfer} in 90 days")                                           \
    X(bills_90d, bills, 1, EXPLAIN_ANY, "近90天生活缴费{n}次", "paid {n:bill} in 90 days")         \
    X(card_payments_90d, card, 1, EXPLAIN_ANY,                                                     \
      "近90天刷卡{n}次", "paid by card {n:time} in 90 days")                                       \
    X(repayments_90d, repayments, 1, EXPLAIN_ANY,                                                  \
      "近90天按期还款{n}次", "made {n:repayment} in 90 days")                                      \
    X(days_since_card_replaced, card_replaced, 0, 180,                                             \
      "{days}换发社保卡", "had the social-security card replaced {days}")                          \
    X(logins_7d, logins, 1, EXPLAIN_ANY, "近7天登录{n}次", "logged in {n:time} in 7 days")         \
    X(logins_30d, logins, 1, EXPLAIN_ANY, "近30天登录{n}次", "logged in {n:time} in 30 days")      \
    X(logins_90d, logins, 1, EXPLAIN_ANY, "近90天登录{n}次", "logged in {n:time} in 90 days")      \
    X(days_since_login, logins, 0, 30, "{days}登录过", "logged in {days}")                         \
    X(mobile_acts_90d, mobile, 1, EXPLAIN_ANY,                                                     \
      "近90天使用手机银行{n}次", "used the mobile bank {n:time} in 90 days")                       \
    X(mobile_share_365d, mobile, 0.05, 1,                                                          \
      "近一年{percent}的活动在手机银行", "{percent} of a year's acts were in the mobile bank")     \
    X(counter_acts_90d, counter, 1, EXPLAIN_ANY,                                                   \
      "近90天柜面办理{n}次", "came to the counter {n:time} in 90 days")                            \
    X(visits_90d, counter, 1, EXPLAIN_ANY,                                                         \
      "近90天到访网点{n}次", "visited a branch {n:time} in 90 days")                               \
    X(calls_90d, calls, 1, EXPLAIN_ANY, "近90天来电{n}次", "called {n:time} in 90 days")           \
    X(spending_30d, spending, 10000, EXPLAIN_ANY, "近30天消费{yuan}", "spent {yuan} in 30 days")   \
    X(spending_90d, spending, 10000, EXPLAIN_ANY, "近90天消费{yuan}", "spent {yuan} in 90 days")   \
    X(grocery_share, spending_grocery, 0.05, 1,                                                    \
      "日用消费占{percent}", "{percent} of spending is groceries")                                 \
    X(dining_share, spending_dining, 0.05, 1,                                                      \
      "餐饮消费占{percent}", "{percent} of spending is dining")                                    \
    X(transport_share, spending_transport, 0.05, 1,                                                \
      "交通加油消费占{percent}", "{percent} of spending is transport and fuel")                    \
    X(health_share, spending_health, 0.02, 1,                                                      \
      "医疗消费占{percent}", "{percent} of spending is health")                                    \
    X(education_share, spending_education, 0.02, 1,                                                \
      "教育消费占{percent}", "{percent} of spending is education")                                 \
    X(travel_share, spending_travel, 0.02, 1,                                                      \
      "旅行消费占{percent}", "{percent} of spending is travel")                                    \
    X(home_share, spending_home, 0.02, 1,                                                          \
      "家居建材消费占{percent}", "{percent} of spending is home and building")                     \
    X(mother_child_share, spending_mother_child, 0.02, 1,                                          \
      "母婴消费占{percent}", "{percent} of spending is for mother and child")                      \
    X(luxury_share, spending_luxury, 0.02, 1,                                                      \
      "珠宝奢侈品消费占{percent}", "{percent} of spending is jewellery and luxury")                \
    X(farming_share, spending_farming, 0.02, 1,                                                    \
      "农资支出占{percent}", "{percent} of spending is farm supplies")                             \
    X(wholesale_share, spending_wholesale, 0.02, 1,                                                \
      "批发进货支出占{percent}", "{percent} of spending is wholesale purchases")                   \
    X(securities_share, spending_securities, 0.02, 1,                                              \
      "证券转账占支出{percent}", "{percent} of spending goes to securities houses")                \
    X(insurance_share, spending_insurance, 0.02, 1,                                                \
      "保险支出占{percent}", "{percent} of spending goes to insurers")                             \
    X(views_7d, browsing, 1, EXPLAIN_ANY,                                                          \
      "近7天浏览产品页{n}次", "viewed {n:product page} in 7 days")                                 \
    X(views_30d, browsing, 1, EXPLAIN_ANY,                                                         \
      "近30天浏览产品页{n}次", "viewed {n:product page} in 30 days")                               \
    X(views_90d, browsing, 1, EXPLAIN_ANY,                                                         \
      "近90天浏览产品页{n}次", "viewed {n:product page} in 90 days")                               \
    X(dwell_30d, browsing, 60, EXPLAIN_ANY,                                                        \
      "近30天浏览产品页{minutes}分钟", "spent {minutes} min on product pages in 30 days")          \
    X(dwell_90d, browsing, 60, EXPLAIN_ANY,                                                        \
      "近90天浏览产品页{minutes}分钟", "spent {minutes} min on product pages in 90 days")          \
    X(products_viewed_90d, browsing, 1, EXPLAIN_ANY,                                               \
      "近90天浏览过{n}种产品", "looked at {n:product} in 90 days")                                 \
    X(days_since_view, browsing, 0, 60, "{days}浏览过产品页", "viewed a product page {days}")      \
    X(holdings, holdings, 2, EXPLAIN_ANY, "持有{n}种产品", "holds {n:product}")                    \
    X(savings_held, holdings, 2, EXPLAIN_ANY,                                                      \
      "持有{n}种储蓄产品", "holds {n:savings product}")                                            \
    X(credit_held, holdings, 1, EXPLAIN_ANY, "持有{n}种信贷产品", "holds {n:credit product}")      \
    X(wealth_held, holdings, 1, EXPLAIN_ANY, "持有{n}种理财产品", "holds {n:wealth product}")      \
    X(protection_held, holdings, 1, EXPLAIN_ANY,                                                   \
      "持有{n}种保障产品", "holds {n:protection product}")                                         \
    X(payment_held, holdings, 1, EXPLAIN_ANY, "持有{n}种支付产品", "holds {n:payment product}")    \
    X(opens_365d, opens, 1, EXPLAIN_ANY,                                                           \
      "近一年开通{n}种产品", "opened {n:product} in a year")                                       \
    X(days_since_open, opens, 0, 365, "{days}开通过产品", "opened a product {days}")               \
    X(interested_365d, offers, 1, EXPLAIN_ANY,                                                     \
      "近一年对{n}次推荐感兴趣", "welcomed {n:offer} in a year")
/* clang-format on */

#endif
