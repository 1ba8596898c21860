//! What each role may do: one table of roles and functions, whose things a role covers, and which
//! fields it does not see.

use engine::Command;
use machine::{Actor, ActorKind};

use crate::principal::{AccessGrant, AccessRole, Assurance, Principal, ROLES};

/// What a request does.
#[derive(Clone, Copy, Debug)]
pub enum AccessFunction<'c> {
    /// Gives a command.
    Give(&'c Command),
    /// Gives a command, by its name, whatever its fields are: `RegisterBank`.
    GiveNamed(&'c str),
    /// Reads a view, by its name: `parcels`.
    Read(&'c str),
}

/// What a principal may do it with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessScope {
    /// With everything.
    All,
    /// Only with what belongs to one of these: a seller's parcels, a courier's tour.
    Own(Vec<AccessGrant>),
    /// With nothing: refused.
    Nothing,
}

/// A cell of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessCell {
    All,
    Own,
    Nothing,
}

/// Of commands: a cell of each role (`a` all, `o` own, `-` nothing), and whether a session must
/// have given the second factor a moment ago. What only terminals, networks, wallets or Doorstep
/// itself give is nobody's here.
const COMMANDS: &[(&str, &str, bool)] = &[
    // Columns: administrator, operator, finance, auditor, hub, courier, seller, firm, buyer.
    ("RegisterBank", "--a------", false),
    ("RegisterTerminal", "-a-------", false),
    ("RegisterNetwork", "-aa------", false),
    ("RegisterWallet", "-aa------", false),
    ("RegisterSeller", "-aa------", false),
    ("AssignParcels", "-a--a----", false),
    ("RecordAttempt", "-a--ao-o-", false),
    ("AcceptPart", "-a---o-o-", false),
    ("ReturnParcel", "-a--a----", false),
    ("ReverseCollection", "-aa------", false),
    ("Refund", "--a---o--", false),
    ("ConfirmRefund", "--a------", false),
    ("ChargeBack", "--a------", false),
    ("RepayShortage", "--a-a----", false),
    ("ConfirmDeposit", "--a------", false),
    ("ReleaseDue", "--a------", false),
    ("PlanSettlement", "--a------", false),
    ("ApproveSettlement", "--a------", true),
    ("RejectSettlement", "--a------", false),
    ("ExecuteSettlement", "--a------", true),
    ("ConfirmPayout", "--a------", false),
    ("ReturnPayout", "--a------", false),
    ("ProposeBreakResolution", "--a------", true),
    ("ApproveBreakResolution", "--a------", true),
    ("ForgetClosed", "-a-------", false),
    ("OpenBatch", "---------", false),
    ("BeginPurchase", "---------", false),
    ("ResolvePurchase", "---------", false),
    ("BeginCompletion", "---------", false),
    ("ResolveCompletion", "---------", false),
    ("ConfirmCompletionReversal", "---------", false),
    ("BeginVoid", "---------", false),
    ("BeginReversal", "---------", false),
    ("ReverseVoid", "---------", false),
    ("ResolveReversal", "---------", false),
    ("ResolveAdvice", "---------", false),
    ("TakeCash", "---------", false),
    ("TakeCashByPhone", "-----o---", false),
    ("BeginRefund", "---------", false),
    ("ResolveRefund", "---------", false),
    ("CloseBatch", "---------", false),
    ("ReconcileBatch", "---------", false),
    ("ExpirePreAuthorisations", "-a-------", false),
    ("RecordReversalWithoutOriginal", "---------", false),
    ("CloseOpenItem", "--a------", true),
    ("CancelHandOver", "-a--a----", false),
    ("CountHandOverBySupervisor", "----a----", false),
    ("WriteOffShortage", "--a------", true),
    ("CoverShortage", "--a------", true),
    ("DeductShortage", "--a------", true),
    ("AmendDue", "-a----o--", false),
    ("CancelParcel", "-a----o--", false),
    ("SetSellerTerms", "--a------", true),
    ("RecordOfflineSale", "---------", false),
    ("ResolveSuspendedSale", "--a------", true),
    ("SetCourierTerms", "-aa------", true),
    ("SuspendSeller", "-aa------", false),
    ("SuspendCourier", "-aa------", false),
    ("RegisterPerson", "a--------", true),
    ("RemovePerson", "a--------", true),
    ("RefundByTwoPersons", "--a------", true),
    ("CountHandOver", "----a----", false),
    ("RegisterFirm", "-aa------", false),
    ("RegisterCourier", "-a-------", false),
    ("SetRefundLimit", "--a------", true),
    ("InvoiceSeller", "--a------", false),
    ("RecordSellerPayment", "--a------", false),
    ("RefuseParcel", "-a--ao-o-", false),
    ("LoseParcel", "-aa------", false),
    ("CompensateSeller", "--a------", true),
    ("SetTimeZone", "a--------", true),
    ("SetRetention", "a--------", true),
    ("WithdrawNetwork", "-a-------", true),
    ("ReinstateNetwork", "-a-------", true),
    ("RaiseBreak", "-aa-a----", false),
    ("PayCommission", "--a------", true),
    ("CancelDeposit", "--a------", false),
    ("SetHoldRule", "--a------", true),
    ("SetOfflineLimit", "-aa------", true),
    ("WithdrawBreak", "--a------", true),
    ("ReclassifyBreak", "--a------", true),
    ("AssignBreak", "-aa------", false),
    ("ContestChargeback", "--a------", false),
    ("WinChargeback", "---------", false),
    ("LoseChargeback", "--a------", false),
    ("ChargebackFee", "--a------", false),
    ("SetChargebackFee", "--a------", true),
    ("PostAdjustment", "--a------", true),
    ("ClosePeriod", "--a------", true),
    ("AnnounceParcel", "-a----o--", false),
    ("DispatchParcels", "-a--a--o-", false),
    ("HandTerminal", "-a--a----", false),
    ("BlockTerminal", "-a--a----", false),
    ("StartHandOver", "-a--ao---", false),
    ("OpenBooks", "---------", false),
    ("PlanCycle", "--a------", false),
    ("ApproveCyclePlan", "--a------", true),
    ("ErasePayoutAccount", "--a------", true),
    ("ClearLine", "--a------", false),
    ("DeclineRequest", "---------", false),
    ("SetPayoutAccount", "--a------", true),
    ("PayTax", "--a------", true),
    ("PublishTariff", "--a------", true),
    ("SetFirmTerms", "--a------", true),
    ("WinChargebackByTwoPersons", "--a------", true),
    ("TakeBackWonChargeback", "--a------", true),
    ("RecordBalanceInquiry", "---------", false),
    ("RecordDisclosure", "-aa------", false),
    ("EraseSubject", "a-a------", true),
    ("AnnounceDeposit", "-aa-a----", false),
    ("CancelInvoice", "--a------", true),
    ("GrantAccess", "a--------", true),
    ("RevokeAccess", "a--------", true),
    ("IssueApiKey", "a--------", true),
    ("RevokeApiKey", "a--------", true),
    ("RecordAccessEvent", "---------", false),
    ("PayDiscount", "---------", false),
    ("ResetSecondFactor", "a--------", true),
    ("BeginFile", "--a------", false),
    ("TakeEntry", "--a------", false),
    ("MatchEntry", "--a------", false),
    ("EndFile", "--a------", false),
    ("RetryNotices", "-aa---oo-", false),
    ("PublishMarketProfile", "-aa------", true),
    ("AdmitSeller", "-a-------", false),
    ("DraftOffer", "-a----o--", false),
    ("ReviseOffer", "-a----o--", false),
    ("AddVariant", "-a----o--", false),
    ("SetOfferState", "-a----o--", false),
    ("SetPrice", "-a----o--", false),
    ("AdjustStock", "-a----o--", false),
    ("PublishPromotion", "-aa---o--", true),
    ("EndPromotion", "-aa---o--", false),
    ("IssueCoupons", "-a----o--", false),
    ("AllotFlashStock", "-a----o--", false),
    ("ReserveUnits", "-a-------", false),
    ("CancelReservation", "-a-------", false),
    ("EndReservations", "-a-------", false),
    ("Checkout", "-a-------", false),
    ("CancelOrder", "-a-------", false),
    ("AcceptUnits", "-a---o-o-", false),
    ("ReceiveUnits", "-a--a-o--", false),
    ("ReturnUnits", "-a----o--", false),
    ("AcceptAppeal", "-a-------", false),
    ("ActivatePolicy", "-a-------", true),
    ("SuspendRule", "-a-------", false),
    ("ScreenText", "---------", false),
    ("DecideText", "-a-------", false),
    ("AppealText", "------o--", false),
    ("JudgeAppeal", "-a-------", false),
    ("DrawSample", "-a-------", false),
    ("JudgeSample", "-a-------", false),
];

/// Of views: a cell of each role, and whether a session must have given the second factor a moment
/// ago, as of commands. `buyers` and `payees` are shown in the clear, from the vault.
const VIEWS: &[(&str, &str, bool)] = &[
    ("status", "aaaa-----", false),
    ("parties", "aaaaa----", false),
    ("parcels", "-aaaaoooo", false),
    ("collections", "-aaaaoooo", false),
    ("refunds", "-aaa--o-o", false),
    ("chargebacks", "-aaa--o--", false),
    ("cash", "-aaaao-o-", false),
    ("hand-overs", "-aaaao-o-", false),
    ("deposits", "-aaaa--o-", false),
    ("clearing", "--aa-----", false),
    ("statements", "--aa--oo-", false),
    ("settlements", "--aa-----", false),
    ("payouts", "--aa--o--", false),
    ("explanations", "--aa--o--", false),
    ("payout-accounts", "--a---o--", false),
    ("payees", "--a---o--", true),
    ("buyers", "-aa--o---", false),
    ("accounts", "--aa-----", false),
    ("balances", "--aa-----", false),
    ("breaks", "-aaaa----", false),
    ("open-items", "-aaa-----", false),
    ("proposals", "aaaaa----", false),
    ("notices", "-aaa-ooo-", false),
    ("log", "aaaa-----", false),
    ("persons", "aaaa-----", false),
    ("roles", "a--a-----", false),
    ("api-keys", "a--a-----", false),
    ("sessions", "a--------", false),
    ("tariffs", "-aaa--oo-", false),
    ("networks", "-aaa-----", false),
    ("terminals", "-aaaa--o-", false),
    ("exports", "--aa--oo-", false),
    ("search", "-aaaaooo-", false),
    ("offers", "-aaa--o--", false),
    ("promotions", "-aaa--o--", false),
    ("market-orders", "-aaa--o--", false),
    ("text-decisions", "-aaa--o--", false),
];

/// What a seller pays is the seller's; what a firm has with Doorstep is the firm's.
const SELLERS_MONEY: [&str; 4] = ["fees", "net", "tariff", "tariff_version"];
const FIRMS_MONEY: [&str; 2] = ["guarantee", "withholding"];
/// Which network or wallet a payment took, and what that keeps.
const OF_RAILS: [&str; 3] = ["deducted", "rail", "rail_kind"];

/// Who decided about a text, and who judged an appeal.
const JUDGES: [&str; 2] = ["decided_by", "judged_by"];

/// Fields that a role does not see in any view.
fn hidden(role: AccessRole) -> Vec<&'static str> {
    let (sellers, firms, rails) = (&SELLERS_MONEY[..], &FIRMS_MONEY[..], &OF_RAILS[..]);
    let judges = &JUDGES[..];
    match role {
        AccessRole::Finance | AccessRole::Auditor => Vec::new(),
        // They keep people and keys, and see no money.
        AccessRole::Administrator | AccessRole::Hub | AccessRole::Courier => {
            [sellers, firms, rails].concat()
        }
        AccessRole::Operator => [sellers, firms].concat(),
        AccessRole::Seller => [firms, rails, judges].concat(),
        AccessRole::Firm => [sellers, rails].concat(),
        AccessRole::Buyer => [sellers, firms, rails, &["courier", "firm", "reference"]].concat(),
    }
}

/// The names of the views.
pub fn views() -> impl Iterator<Item = &'static str> {
    VIEWS.iter().map(|(name, ..)| *name)
}

fn cell(cells: &str, role: AccessRole) -> AccessCell {
    let place = ROLES.iter().position(|one| *one == role);
    match place.and_then(|place| cells.as_bytes().get(place)) {
        Some(b'a') => AccessCell::All,
        Some(b'o') => AccessCell::Own,
        _ => AccessCell::Nothing,
    }
}

impl AccessFunction<'_> {
    /// What a role may do it with.
    #[must_use]
    pub fn cell(self, role: AccessRole) -> AccessCell {
        self.row().map_or(AccessCell::Nothing, |(cells, _)| cell(cells, role))
    }

    /// Whether a session must have given the second factor a moment ago.
    #[must_use]
    pub fn needs_step_up(self) -> bool {
        self.row().is_some_and(|(_, step_up)| step_up)
    }

    fn row(self) -> Option<(&'static str, bool)> {
        let command = match self {
            AccessFunction::Give(command) => command.spec().name,
            AccessFunction::GiveNamed(name) => name,
            AccessFunction::Read(view) => {
                let row = VIEWS.iter().find(|(name, ..)| *name == view)?;
                return Some((row.1, row.2));
            }
        };
        let row = COMMANDS.iter().find(|(name, ..)| *name == command)?;
        Some((row.1, row.2))
    }

    /// Whether the books take the command from this kind of actor.
    fn is_for(self, kind: ActorKind) -> bool {
        let name = match self {
            AccessFunction::Give(command) => command.spec().name,
            AccessFunction::GiveNamed(name) => name,
            AccessFunction::Read(_) => return true,
        };
        let spec = Command::specs().find(|spec| spec.name == name);
        spec.is_some_and(|spec| spec.given_by.contains(&kind))
    }
}

impl Principal {
    /// What this principal may do a thing with. Refuses by default.
    #[must_use]
    pub fn may(&self, function: AccessFunction<'_>) -> AccessScope {
        if function.needs_step_up() && !self.is_sure() {
            return AccessScope::Nothing;
        }
        self.scope(function)
    }

    /// Whether it may do a thing once it has given the second factor again.
    #[must_use]
    pub fn lacks_step_up(&self, function: AccessFunction<'_>) -> bool {
        let by_session = matches!(self.actor, Actor::Person(_));
        let lacks = by_session && function.needs_step_up() && !self.is_sure();
        lacks && self.scope(function) != AccessScope::Nothing
    }

    /// Fields of a view that its grants do not show. Roles that see every row show what one of them
    /// shows. Of own rows only what each role shows is shown: a firm's row is another seller's.
    #[must_use]
    pub fn hidden_fields(&self, view: &str) -> Vec<&'static str> {
        let cell = |role: AccessRole| AccessFunction::Read(view).cell(role);
        let roles = |wanted: AccessCell| {
            let roles = self.counting().map(AccessGrant::role);
            roles.filter(move |role| cell(*role) == wanted).map(hidden).collect::<Vec<_>>()
        };
        let all = roles(AccessCell::All);
        let Some((first, others)) = all.split_first() else {
            let mut own = roles(AccessCell::Own).concat();
            own.sort_unstable();
            own.dedup();
            return own;
        };
        let by_all = |field: &&str| others.iter().all(|one| one.contains(field));
        first.iter().copied().filter(by_all).collect()
    }

    /// A session has given the second factor a moment ago. Two people issued a key with its roles:
    /// it cannot give a second factor.
    fn is_sure(&self) -> bool {
        self.is_key() || self.assurance >= Assurance::SteppedUp
    }

    /// The grants that count now. Administrators and finance need a second factor (ASVS 6.3.3), and
    /// no key administrates: a key makes no keys and no roles.
    fn counting(&self) -> impl Iterator<Item = AccessGrant> {
        let by_key = self.is_key();
        self.grants.iter().copied().filter(move |grant| match grant.role() {
            AccessRole::Administrator => !by_key && self.assurance >= Assurance::SecondFactor,
            AccessRole::Finance => by_key || self.assurance >= Assurance::SecondFactor,
            AccessRole::Buyer => self.assurance == Assurance::Link,
            _ => self.assurance > Assurance::Link,
        })
    }

    fn is_key(&self) -> bool {
        matches!(self.actor, Actor::Key(_)) && self.assurance == Assurance::ApiKey
    }

    fn scope(&self, function: AccessFunction<'_>) -> AccessScope {
        let by_link = self.assurance == Assurance::Link;
        if !by_link && !function.is_for(self.actor.kind()) {
            return AccessScope::Nothing;
        }
        let mut own = Vec::new();
        for grant in self.counting() {
            match function.cell(grant.role()) {
                AccessCell::All => return AccessScope::All,
                AccessCell::Own => own.push(grant),
                AccessCell::Nothing => {}
            }
        }
        if own.is_empty() { AccessScope::Nothing } else { AccessScope::Own(own) }
    }
}
