//! What the views are of, in Chinese.

use views::ViewSpec;

/// What each view is of, for the reference page.
pub(super) const VIEWS_IN_CHINESE: &[(&str, &str)] = &[
    ("custody", "快递员保管的现金"),
    ("phone_cash", "手机收款"),
    ("hand_overs", "交款"),
    ("deposits", "缴存"),
    ("batches", "终端批次"),
    ("open_items", "待处理的终端批次"),
    ("breaks", "差异"),
    ("refunds", "退款与拒付"),
    ("refund_payments", "应退买家款项的处理"),
    ("accounts", "账户"),
    ("commands", "日志中的命令"),
    ("postings", "分录"),
    ("orders", "订单"),
    ("parcels", "包裹"),
    ("payments", "付款"),
    ("sellers", "卖家账户"),
    ("firms", "快递公司"),
    ("couriers", "快递员"),
    ("persons", "人员"),
    ("banks", "银行账户"),
    ("networks", "卡组织"),
    ("wallets", "钱包"),
    ("terminals", "终端"),
    ("tariffs", "费率版本"),
    ("hold_rules", "资金冻结规则"),
    ("clearing_lines", "清算明细行"),
    ("files", "卡组织、钱包和银行的文件"),
    ("bank_entries", "银行对账单中的记录"),
    ("plans", "结算计划"),
    ("payouts", "打款"),
    ("invoices", "账单"),
    ("invoice_payments", "账单付款"),
    ("commissions", "佣金与运费付款"),
    ("adjustments", "调整分录"),
    ("periods", "已关账的期间"),
    ("offers", "商品"),
    ("variants", "规格与库存"),
    ("stock_adjustments", "库存调整"),
    ("promotions", "促销"),
    ("market_orders", "市场订单"),
    ("market_parcels", "订单包裹"),
    ("order_units", "订单商品件"),
    ("order_discounts", "订单优惠"),
    ("text_decisions", "文本决定"),
    ("text_rules", "决定所依规则"),
    ("text_appeals", "申诉"),
];

/// What a view is of, in Chinese.
#[must_use]
pub fn view_in_chinese(view: &ViewSpec) -> &'static str {
    let named = VIEWS_IN_CHINESE.iter().find(|(name, _)| *name == view.name);
    named.map_or(view.name, |(_, words)| words)
}
