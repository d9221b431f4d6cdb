//! Rows put together to the two answers.

use std::collections::HashMap;

use serde::Serialize;
use zhibu::kernel::id::{BranchId, NodeId as _, PairingId};

#[derive(Serialize)]
pub(super) struct Nodes<T> {
    nodes: Vec<T>,
}

#[derive(Serialize)]
pub(super) struct CardAnswer {
    pub(super) branch: Option<Card>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Card {
    id: String,
    code: String,
    name: String,
    domain: String,
    form: String,
    status: String,
    founded_on: String,
    member_count: i32,
    organization: CardOrganization,
    brand: Option<CardBrand>,
    term: Option<CardTerm>,
    pairings: Nodes<CardPairing>,
    training_records: Nodes<Training>,
}

#[derive(Serialize)]
pub(super) struct CardOrganization {
    code: String,
    name: String,
}

#[derive(Serialize)]
pub(super) struct CardBrand {
    name: String,
    slogan: Option<String>,
    description: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CardTerm {
    elected_on: String,
    ends_on: Option<String>,
    on_time: Option<bool>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CardPairing {
    id: String,
    form: String,
    title: String,
    starts_on: String,
    members: Vec<CardMember>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CardMember {
    role: String,
    left_on: Option<String>,
    branch: CardOrganization,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Training {
    topic: String,
    kind: String,
    held_on: String,
    hours: f64,
}

#[derive(Serialize)]
pub(super) struct ListAnswer {
    branches: Nodes<ListBranch>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListBranch {
    code: String,
    name: String,
    domain: String,
    is_gold: bool,
    organization: Named,
    brand: Option<Named>,
    term: Option<ListTerm>,
    pairings: Nodes<ListPairing>,
}

#[derive(Serialize)]
pub(super) struct Named {
    name: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListTerm {
    ends_on: String,
}

#[derive(Serialize)]
pub(super) struct ListPairing {
    title: String,
    members: Vec<ListMember>,
}

#[derive(Serialize)]
pub(super) struct ListMember {
    branch: Named,
}

pub(super) type CardRow = (
    i64,
    String,
    String,
    String,
    String,
    String,
    String,
    i32,
    String,
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<bool>,
);
pub(super) type CardPairingRow = (
    i64,
    String,
    String,
    String,
    String,
    Option<String>,
    String,
    String,
);
pub(super) type ListRow = (
    i64,
    String,
    String,
    String,
    bool,
    String,
    Option<String>,
    Option<String>,
);

fn card_pairings(rows: Vec<CardPairingRow>) -> Vec<CardPairing> {
    let mut pairings: Vec<CardPairing> = Vec::new();
    let mut last = None;
    for (id, form, title, starts_on, role, left_on, code, name) in rows {
        if last.replace(id) != Some(id) {
            pairings.push(CardPairing {
                id: PairingId(id).global(),
                form,
                title,
                starts_on,
                members: Vec::new(),
            });
        }
        if let Some(pairing) = pairings.last_mut() {
            pairing.members.push(CardMember {
                role,
                left_on,
                branch: CardOrganization { code, name },
            });
        }
    }
    pairings
}

pub(super) fn card(
    row: CardRow,
    pairings: Vec<CardPairingRow>,
    trainings: Vec<(String, String, String, i32)>,
) -> Card {
    let (
        id,
        code,
        name,
        domain,
        form,
        status,
        founded_on,
        member_count,
        organization_code,
        organization,
        brand,
        slogan,
        description,
        elected_on,
        ends_on,
        on_time,
    ) = row;
    Card {
        id: BranchId(id).global(),
        code,
        name,
        domain,
        form,
        status,
        founded_on,
        member_count,
        organization: CardOrganization {
            code: organization_code,
            name: organization,
        },
        brand: brand.map(|name| CardBrand {
            name,
            slogan,
            description,
        }),
        term: elected_on.map(|elected_on| CardTerm {
            elected_on,
            ends_on,
            on_time,
        }),
        pairings: Nodes {
            nodes: card_pairings(pairings),
        },
        training_records: Nodes {
            nodes: trainings
                .into_iter()
                .map(|(topic, kind, held_on, quarters)| Training {
                    topic,
                    kind,
                    held_on,
                    hours: f64::from(quarters) / 4.0,
                })
                .collect(),
        },
    }
}

pub(super) fn list(rows: Vec<ListRow>, pairing_rows: Vec<(i64, i64, String, String)>) -> ListAnswer {
    let mut pairings: HashMap<i64, Vec<ListPairing>> = HashMap::new();
    let mut last = None;
    for (branch, id, title, name) in pairing_rows {
        let pairings = pairings.entry(branch).or_default();
        if last.replace((branch, id)) != Some((branch, id)) {
            pairings.push(ListPairing {
                title,
                members: Vec::new(),
            });
        }
        if let Some(pairing) = pairings.last_mut() {
            pairing.members.push(ListMember {
                branch: Named { name },
            });
        }
    }
    let nodes = rows
        .into_iter()
        .map(
            |(id, code, name, domain, is_gold, organization, brand, ends_on)| ListBranch {
                code,
                name,
                domain,
                is_gold,
                organization: Named { name: organization },
                brand: brand.map(|name| Named { name }),
                term: ends_on.map(|ends_on| ListTerm { ends_on }),
                pairings: Nodes {
                    nodes: pairings.remove(&id).unwrap_or_default(),
                },
            },
        )
        .collect();
    ListAnswer {
        branches: Nodes { nodes },
    }
}
