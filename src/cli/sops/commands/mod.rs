//! The commands of sops, one file each.

pub(super) mod completion;
pub(super) mod decrypt;
pub(super) mod doctor;
pub(super) mod edit;
pub(super) mod encrypt;
pub(super) mod exec_env;
pub(super) mod exec_file;
pub(super) mod explain;
pub(super) mod filestatus;
pub(super) mod git;
pub(super) mod groups;
pub(super) mod help;
pub(super) mod keyservice;
pub(super) mod publish;
pub(super) mod rotate;
pub(super) mod set;
mod tree;
pub(super) mod unset;
pub(super) mod updatekeys;
