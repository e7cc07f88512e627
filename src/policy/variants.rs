//! The built-in policies that belong to the same families as a listener's policies. A denial names the narrowest one
//! that would allow the request.

use super::request::Request;
use crate::docker::Block;
use crate::docker::{Call, Operation};
use crate::policy::answers::Answers;
use crate::policy::keys::Key;
use crate::policy::outcome::{Outcome, outcome};
use crate::policy::requirement::Requirement;
use crate::policyfile::file::Policy;
use crate::policyfile::problem::{Library, Problem};
use crate::policyfile::shipped;

/// The other built-in policies of the same families, the narrowest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Variants(Vec<Variant>);

#[derive(Clone, Debug)]
struct Variant {
    policy: Policy,
    /// How to use it.
    way: String,
    /// The blocks in which it differs from the policy in use.
    blocks: Vec<Block>,
}

impl Variants {
    /// The variants for these policies.
    pub(crate) fn of(policies: &[Policy]) -> Self {
        let mut variants = Vec::new();
        for policy in policies.iter().filter(|policy| !policy.passes_bodies) {
            let is_shipped = shipped::text(&policy.name).is_some();
            let bases = if is_shipped {
                std::slice::from_ref(policy)
            } else {
                &policy.parents
            };
            for base in bases {
                let is_new = |other: &Policy| policies.iter().all(|it| it.name != other.name);
                // Extended, it has the scope of the policy in use.
                let keeps_scope = |other: &Policy| {
                    let is_same = || format!("{:?}", other.scope) == format!("{:?}", policy.scope);
                    policy.scope.is_none() || !is_shipped || is_same()
                };
                let new = family(base).filter(|other| is_new(other) && keeps_scope(other));
                variants.extend(new.map(|other| Variant::new(other, policy, base)));
            }
        }
        let count = |variant: &Variant| {
            let operations = Operation::ALL.iter();
            operations.filter(|it| variant.policy.has(**it)).count()
        };
        variants.sort_by_cached_key(count);
        Self(variants)
    }

    /// How to allow the operation of a call that none of the policies allows. What the call asks for has not been read
    /// yet: a block of the variant can still deny it.
    pub(crate) fn way_to(&self, call: &Call) -> Option<String> {
        let variant = self.0.iter().find(|variant| variant.policy.grants(call))?;
        let block = call.judged().block;
        let within = block.filter(|block| variant.policy.judges(*block));
        let within = within.map(|block| format!(" (limited by its [{}])", block.name()));
        Some([&*variant.way, &*within.unwrap_or_default()].concat())
    }

    /// How to allow everything that a request asks for. `shortfall` is what the policies do not allow of it.
    pub(crate) fn way_to_all(
        &self,
        request: &Request<'_>,
        requirements: &[Requirement],
        shortfall: &[Requirement],
        known: &Answers,
    ) -> Option<&str> {
        let is_other = |variant: &&Variant| {
            let keys = shortfall
                .iter()
                .filter_map(|requirement| requirement.what.key());
            let mut blocks = keys.map(Key::block);
            blocks.any(|block| variant.blocks.contains(&block))
        };
        let grants = |variant: &&Variant| {
            let outcome = outcome(&variant.policy, request, requirements, known);
            variant.policy.grants(&request.call) && matches!(outcome, Ok(Outcome::Allowed(None)))
        };
        let variant = self.0.iter().filter(is_other).find(grants);
        variant.map(|variant| &*variant.way)
    }
}

impl Variant {
    /// A built-in policy that could be used besides `holding`. `base` is `holding` itself, or the built-in policy that
    /// it extends.
    fn new(variant: Policy, holding: &Policy, base: &Policy) -> Self {
        let name = &variant.name;
        let way = if holding.name != base.name {
            format!("add \"{name}\" to extends")
        } else if extends(&variant, base) {
            format!("use the built-in policy \"{name}\"")
        } else if holding.scope.is_some() {
            // Beside the policy in use, it would not own what is created through that.
            format!(
                "use a policy file with extends = [\"{}\", \"{name}\"]",
                base.name
            )
        } else {
            format!("use the built-in policy \"{name}\" as well")
        };
        let holder = |of: &Policy, block: Block| of.holder(block).map(|it| it.name.clone());
        let blocks = Block::ALL.iter().copied();
        let blocks = blocks.filter(|block| {
            // The policy's own block is used, whatever it extends.
            let is_kept = holding.name != base.name && holding.holder(*block).is_some();
            !is_kept && holder(&variant, *block) != holder(holding, *block)
        });
        let blocks = blocks.collect();
        Self {
            policy: variant,
            way,
            blocks,
        }
    }
}

fn extends(policy: &Policy, base: &Policy) -> bool {
    let mut parents = policy.parents.iter();
    parents.any(|parent| parent.name == base.name || extends(parent, base))
}

/// The built-in policies whose names begin with the same name: those that extend it, directly or not, and those that
/// extend nothing and are for the same project.
fn family(of: &Policy) -> impl Iterator<Item = Policy> {
    let root = root(of).name.to_string();
    let is_shipped = shipped::text(&root).is_some();
    let all = shipped::ALL.iter().map(|(name, _)| *name);
    let root_name = root.clone();
    let of_family = all.filter(move |name| {
        let rest = name.strip_prefix(&*root_name);
        is_shipped && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    });
    let loaded = of_family.filter_map(|name| Policy::load(name, &Shipped).ok());
    loaded.filter(move |policy| {
        let own = &self::root(policy).name;
        **own == *root || *own == policy.name && shipped::project(own) == shipped::project(&root)
    })
}

fn root(policy: &Policy) -> &Policy {
    policy.parents.first().map_or(policy, root)
}

/// A library that has only the built-in policies.
struct Shipped;

impl Library for Shipped {
    fn read(&self, name: &str) -> Result<(String, String), Problem> {
        let text = shipped::text(name);
        let text = text.ok_or_else(|| Problem::of_file(name, "is not a built-in policy"))?;
        Ok((name.to_owned(), text.to_owned()))
    }
}

#[cfg(test)]
mod tests;
