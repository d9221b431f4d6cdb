//! What waits for a caller, most urgent first.

use chrono::{Datelike as _, NaiveDate};

use crate::{
    auth::{Act, Extent, Requester},
    branch, brand, gold, health_check,
    kernel::{
        id::{
            BranchId, BrandId, GoldApplicationId, HealthCheckId, PairingId, PointSourceId, RectificationId,
        },
        light::Light,
        message::Message,
    },
    pairing, points,
    rectification::{self, Rectification},
    storage::{Database, StoreError},
};

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TodoKind {
    /// A term is due or over.
    HoldElection,
    /// The branch's self-check is to be answered and handed in.
    AnswerSelfCheck,
    /// A check that the caller was assigned to is to be examined.
    Examine,
    /// A problem is to be put right by the branch.
    SubmitRectification,
    /// What a branch has put right waits to be closed or returned.
    CloseRectification,
    /// What was closed is to be looked at again.
    ReviewRectification,
    /// A proposal waits for the branch.
    AcceptPairing,
    /// A proposal waits for the committee, or for the district across committees.
    ApprovePairing,
    /// A submitted brand waits for its committee.
    PublishBrand,
    /// An application for gold waits for its committee.
    RecommendGold,
    /// A recommended one waits for the district.
    DecideGold,
    /// Entries of points wait for a decision.
    ResolveQuarantine,
}

/// The thing it is to be done with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TodoNode {
    /// A branch.
    Branch(BranchId),
    /// A pairing.
    Pairing(PairingId),
    /// A brand.
    Brand(BrandId),
    /// A rectification.
    Rectification(RectificationId),
    /// A health check.
    HealthCheck(HealthCheckId),
    /// An application for gold.
    GoldApplication(GoldApplicationId),
    /// A point source.
    PointSource(PointSourceId),
}

/// One thing that waits.
#[derive(Clone, Debug)]
pub struct Todo {
    /// What is to be done.
    pub kind: TodoKind,
    /// In words.
    pub title: Message,
    /// By when, where there is a day.
    pub due_on: Option<NaiveDate>,
    /// How urgent it is.
    pub light: Light,
    /// With what.
    pub node: TodoNode,
}

/// The `first` most urgent things that wait for a caller: red before amber before blue, then by due day.
pub async fn todos(database: &Database, requester: &Requester, first: u64) -> Result<Vec<Todo>, StoreError> {
    let connection = database.reader();
    let scope = requester.scope();
    let today = database.clock().today();
    let amber_days = database.rules().amber_days;
    let mut todos = Vec::new();
    let mut add = |kind, title, due_on: Option<NaiveDate>, node| {
        todos.push(Todo {
            kind,
            title,
            due_on,
            light: Light::of_due(due_on, today, amber_days),
            node,
        });
    };
    // An election is recorded by the committee but held by the branch: both are reminded.
    if requester.grant(Act::RecordElection).is_ok() || requester.grant(Act::UpdateBranch).is_ok() {
        let due_soon_months = database.rules().due_soon_months;
        for branch in branch::elections_due(connection, &scope, today, due_soon_months, first).await? {
            let title = Message::new(
                format!("{}：应换届选举", branch.name),
                format!("{}: hold an election", branch.name),
            );
            add(
                TodoKind::HoldElection,
                title,
                branch.term_ends_on,
                TodoNode::Branch(branch.id),
            );
        }
    }
    if let (Ok(_), Extent::Branch(own)) = (requester.grant(Act::SubmitSelfCheck), scope.extent()) {
        for (id, _, until) in health_check::waiting_for_answers(connection, own, first).await? {
            let title = Message::new(
                format!("完成{}年度红色体检自检", until.year()),
                format!("Answer the self-check of {}", until.year()),
            );
            add(
                TodoKind::AnswerSelfCheck,
                title,
                Some(until),
                TodoNode::HealthCheck(id),
            );
        }
    }
    if requester.grant(Act::ConcludeConsultation).is_ok() {
        for (id, branch, until) in health_check::waiting_for_examiners(connection, &scope, first).await? {
            let title = Message::new(format!("会诊：{branch}"), format!("Examine: {branch}"));
            add(TodoKind::Examine, title, Some(until), TodoNode::HealthCheck(id));
        }
    }
    let mut of_rectifications = |kind, zh, en, rows: Vec<Rectification>| {
        for row in rows {
            // Of what is closed the day of the review, of the rest the day by which it is to be put right.
            let due_on = row.next_review_on.unwrap_or(row.due_on);
            let title = Message::new(format!("{zh}：{}", row.title), format!("{en}: {}", row.title));
            add(kind, title, Some(due_on), TodoNode::Rectification(row.id));
        }
    };
    if let (Ok(_), Extent::Branch(own)) = (requester.grant(Act::SubmitRectification), scope.extent()) {
        let rows = rectification::waiting_for_submission(connection, own, first).await?;
        let kind = TodoKind::SubmitRectification;
        of_rectifications(kind, "整改问题", "Put the problem right", rows);
    }
    if requester.grant(Act::CloseRectification).is_ok() {
        let subject = requester.subject();
        let rows = rectification::waiting_for_closing(connection, &scope, subject, first).await?;
        let kind = TodoKind::CloseRectification;
        of_rectifications(kind, "验收销号", "Close the rectification", rows);
    }
    if requester.grant(Act::ReviewRectification).is_ok() {
        let rows = rectification::waiting_for_review(connection, &scope, today, first).await?;
        let kind = TodoKind::ReviewRectification;
        of_rectifications(kind, "定期复查", "Review the rectification", rows);
    }
    if let (Ok(_), Extent::Branch(own)) = (requester.grant(Act::AcceptPairing), scope.extent()) {
        for pairing in pairing::waiting_for_acceptance(connection, own, first).await? {
            let title = Message::new(
                format!("接受结对：{}", pairing.title),
                format!("Accept the pairing: {}", pairing.title),
            );
            add(
                TodoKind::AcceptPairing,
                title,
                Some(pairing.starts_on),
                TodoNode::Pairing(pairing.id),
            );
        }
    }
    if requester.grant(Act::ApprovePairing).is_ok() {
        for pairing in pairing::waiting_for_approval(connection, &scope, first).await? {
            let title = Message::new(
                format!("审批结对：{}", pairing.title),
                format!("Approve the pairing: {}", pairing.title),
            );
            add(
                TodoKind::ApprovePairing,
                title,
                Some(pairing.starts_on),
                TodoNode::Pairing(pairing.id),
            );
        }
    }
    if requester.grant(Act::PublishBrand).is_ok() {
        for brand in brand::submitted_in_scope(connection, &scope, first).await? {
            let title = Message::new(
                format!("发布品牌：{}", brand.name),
                format!("Publish the brand: {}", brand.name),
            );
            add(TodoKind::PublishBrand, title, None, TodoNode::Brand(brand.id));
        }
    }
    // The district may recommend in a committee's place; it is the committee that is reminded.
    if let (Ok(_), Extent::Subtree(_)) = (requester.grant(Act::RecommendGold), scope.extent()) {
        for (id, branch) in
            gold::waiting_for_recommendation(connection, &scope, requester.subject(), first).await?
        {
            let title = Message::new(
                format!("把关推荐金牌申报：{branch}"),
                format!("Recommend for gold, or do not: {branch}"),
            );
            add(
                TodoKind::RecommendGold,
                title,
                None,
                TodoNode::GoldApplication(id),
            );
        }
    }
    if requester.grant(Act::DecideGold).is_ok() {
        for (id, branch) in gold::waiting_for_decision(connection, &scope, requester.subject(), first).await?
        {
            let title = Message::new(
                format!("研究审定金牌申报：{branch}"),
                format!("Decide about gold: {branch}"),
            );
            add(TodoKind::DecideGold, title, None, TodoNode::GoldApplication(id));
        }
    }
    if requester.grant(Act::ResolveQuarantine).is_ok() {
        for (source, count) in points::waiting_for_decision(connection, &scope).await? {
            let title = Message::new(
                format!("处理待处理积分：{}（{count} 条）", source.name),
                format!("Decide about quarantined points: {} ({count})", source.name),
            );
            add(
                TodoKind::ResolveQuarantine,
                title,
                None,
                TodoNode::PointSource(source.id),
            );
        }
    }
    todos.sort_by_key(|todo| (todo.light, todo.due_on.unwrap_or(NaiveDate::MAX), todo.kind));
    todos.truncate(usize::try_from(first).unwrap_or(usize::MAX));
    Ok(todos)
}
