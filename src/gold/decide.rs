//! `decideGold` (研究审定): the district awards the title, within the plan's quota, or declines.

use super::{
    model::{GoldError, QuotaFault, Step, check_quota},
    step::{Decision, Opened, Taken, gold_changed, open, opinion, require_eligible, take},
    store,
};
use crate::{
    auth::Grant,
    branch::{self, Domain},
    kernel::{id::GoldApplicationId, message::Message},
    pairing,
    storage::{
        StoreError,
        write::{Failure, Refusals, Write},
    },
};

/// RECOMMENDED → AWARDED, if the branch meets every criterion and there is a place for its domain, or DECLINED. Not by who
/// applied or recommended.
pub async fn decide(
    write: &mut Write<'_>,
    grant: &Grant,
    input: &Decision,
) -> Result<GoldApplicationId, Failure> {
    let opened = open(write, grant, &input.of, input.favourable).await?;
    let step = if input.favourable {
        Step::Award
    } else {
        Step::Decline
    };
    let mut refusals = Refusals::default();
    let opinion = refusals.take(opinion(&input.of.opinion));
    let Some(to) = refusals.take(opened.after(step)) else {
        return Err(refusals.refuse());
    };
    opened.require_another_person(write, &mut refusals).await?;
    let eligibility = opened.judge(write, grant).await?;
    let id = opened.branch.id;
    if step.is_favourable() {
        require_eligible(&eligibility, &["id"], &mut refusals);
        let is_gold = branch::gold_among(write.connection(), &[id]).await?.contains(&id);
        refusals.require(!is_gold, || GoldError::AlreadyGold("id").into());
        require_place(write, &opened, &mut refusals).await?;
    }
    refusals.finish()?;
    let by = &write.actor().subject;
    let taken = Taken {
        action: "decideGold",
        by,
        opinion: opinion.as_deref(),
        eligibility,
        to,
        before_veto: None,
    };
    take(write, &opened.application, taken).await?;
    if step.is_favourable() {
        store::write::award_title(write, id, write.clock().today()).await?;
        write.change(gold_changed(&opened.branch));
        pairing::gold_moved(write, id).await?;
    }
    Ok(opened.application.id)
}

/// Refuses where there is no place left for the branch's domain. The campaign's row is held: nobody else takes one
/// meanwhile.
async fn require_place(
    write: &Write<'_>,
    opened: &Opened,
    refusals: &mut Refusals,
) -> Result<(), StoreError> {
    let campaign = opened.plan.campaign;
    let quota = opened.plan.rules()?.total_quota;
    let minimums = store::minimums(write.connection(), campaign).await?;
    let awarded = store::awarded(write.connection(), campaign).await?;
    let place = check_quota(quota.into(), &minimums, &awarded, opened.branch.domain);
    refusals.take(place.map_err(|fault| {
        match fault {
            QuotaFault::Full => GoldError::QuotaFull(quota),
            QuotaFault::Kept { left, lacking } => GoldError::QuotaKept {
                left,
                lacking: lacking
                    .into_iter()
                    .map(|(domain, lacks)| (words(domain), lacks))
                    .collect(),
            },
        }
    }));
    Ok(())
}

/// A domain in words.
fn words(domain: Domain) -> Message {
    match domain {
        Domain::Rural => Message::new("农村", "RURAL"),
        Domain::Community => Message::new("社区", "COMMUNITY"),
        Domain::Government => Message::new("机关", "GOVERNMENT"),
        Domain::PublicInstitution => Message::new("事业单位", "PUBLIC_INSTITUTION"),
        Domain::StateOwned => Message::new("国有企业", "STATE_OWNED"),
        Domain::NonPublic => Message::new("非公企业", "NON_PUBLIC"),
        Domain::SocialOrg => Message::new("社会组织", "SOCIAL_ORG"),
    }
}
