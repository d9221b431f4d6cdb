//! The tables, one file each: columns, relations and id newtypes. No rules and no GraphQL live here.

#![allow(
    missing_docs,
    reason = "a column is documented where it is made, in `migration`, and by its name; the derives add items of their own"
)]

pub mod audit_entry;
pub mod audit_seal;
pub mod branch;
pub mod branch_alias;
pub mod branch_move;
pub mod branch_term;
pub mod brand;
pub mod brand_story;
pub mod brand_theme;
pub mod campaign;
pub mod change_log;
pub mod change_log_state;
pub mod check_examiner;
pub mod check_item;
pub mod check_result;
pub mod check_template;
pub mod check_visit;
pub mod examiner;
pub mod gold_application;
pub mod gold_minimum;
pub mod gold_step;
pub mod gold_title;
pub mod headcount;
pub mod health_check;
pub mod idempotency_key;
pub mod ids;
pub mod lease;
pub mod organization;
pub mod organization_closure;
pub mod organization_move;
pub mod pairing;
pub mod pairing_activity;
pub mod pairing_activity_branch;
pub mod pairing_member;
pub mod point_entry;
pub mod point_event;
pub mod point_source;
pub mod point_total;
pub mod posting;
pub mod pull_run;
pub mod pull_state;
pub mod quarantined_entry;
pub mod rectification;
pub mod rectification_step;
pub mod setting;
pub mod site;
pub mod training_branch;
pub mod training_participant;
pub mod training_record;
pub mod veto;
