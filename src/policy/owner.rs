//! Whose an object is: the policy through which it was created, and the client that created it, as its labels say.

/// The label that says through which policy an object was created.
pub(crate) const POLICY_LABEL: &str = "dockgate.policy";

/// The label that says which client created an object.
pub(crate) const CLIENT_LABEL: &str = "dockgate.client";

/// The label of an image that says who created it, and which names it got then.
pub(crate) const IMAGE_LABEL: &str = "dockgate.image";

/// A policy's mark, and the client that uses the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Owner<'a> {
    pub(crate) mark: &'a str,
    /// The client's name; empty for everybody else, `None` if there are no clients.
    pub(crate) client: Option<&'a str>,
}

impl<'a> Owner<'a> {
    /// A policy's mark, if there are no clients.
    #[cfg(test)]
    pub(crate) const fn of(mark: &'a str) -> Self {
        Self { mark, client: None }
    }

    /// Whether an object belongs to it. `label` gets the value of one of the object's labels.
    pub(crate) fn owns<'l>(self, label: impl Fn(&str) -> Option<&'l str>) -> bool {
        let is_own = |client: &str| label(CLIENT_LABEL).unwrap_or_default() == client;
        label(POLICY_LABEL) == Some(self.mark) && self.client.is_none_or(is_own)
    }

    /// The labels of what it creates. The client is always named if there are clients, because an image can bring
    /// labels too.
    pub(crate) fn labels(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let client = self.client.map(|client| (CLIENT_LABEL, client));
        [(POLICY_LABEL, self.mark)].into_iter().chain(client)
    }

    /// Whether it may set this label: one of those of what it creates.
    pub(crate) fn may_set(self, key: &str, value: &str) -> bool {
        self.labels().any(|label| label == (key, value))
    }

    /// How an image's label names it.
    pub(crate) fn of_image(self) -> String {
        match self.client.unwrap_or_default() {
            "" => self.mark.to_owned(),
            client => format!("{} {CLIENT}{client}", self.mark),
        }
    }

    /// Whether it made the image with this label, under any names or none.
    pub(crate) fn made(self, label: &str) -> bool {
        let rest = label.strip_prefix(&self.of_image());
        let is_named = !self.client.unwrap_or_default().is_empty();
        rest.is_some_and(|rest| match rest.strip_prefix(' ') {
            Some(names) => is_named || !names.starts_with(CLIENT),
            None => rest.is_empty(),
        })
    }

    /// The names that an image got from it, of the image's label.
    pub(crate) fn names_in(self, label: &str) -> impl Iterator<Item = &str> {
        let rest = label.strip_prefix(self.mark);
        let mut names = rest.and_then(|rest| rest.strip_prefix(' '));
        match self.client.unwrap_or_default() {
            "" => names = names.filter(|names| !names.starts_with(CLIENT)),
            client => {
                let rest = names.and_then(|names| names.strip_prefix(CLIENT)?.strip_prefix(client));
                names = rest.and_then(|rest| rest.strip_prefix(' '));
            }
        }
        names.into_iter().flat_map(|names| names.split(' '))
    }
}

/// Begins the client's name in an image's label. No image can have such a name.
const CLIENT: &str = "client=";

#[cfg(test)]
mod tests {
    use super::*;

    const NOBODY: Owner<'_> = owner("ci", None);

    const fn owner<'a>(mark: &'a str, client: Option<&'a str>) -> Owner<'a> {
        Owner { mark, client }
    }

    fn owns(owner: Owner<'_>, labels: &[(&str, &'static str)]) -> bool {
        owner.owns(|key| labels.iter().find(|(name, _)| *name == key).map(|it| it.1))
    }

    #[test]
    fn an_object_belongs_to_a_policy_and_its_client() {
        let plain = [(POLICY_LABEL, "ci")];
        let a = [(POLICY_LABEL, "ci"), (CLIENT_LABEL, "a")];
        let nobody = [(POLICY_LABEL, "ci"), (CLIENT_LABEL, "")];
        for (who, labels, want) in [
            (NOBODY, &plain[..], true),
            (NOBODY, &a, true),
            (NOBODY, &[(POLICY_LABEL, "other")], false),
            (NOBODY, &[], false),
            (owner("ci", Some("a")), &a, true),
            (owner("ci", Some("a")), &plain, false),
            (owner("ci", Some("b")), &a, false),
            (owner("other", Some("a")), &a, false),
            (owner("ci", Some("")), &plain, true),
            (owner("ci", Some("")), &nobody, true),
            (owner("ci", Some("")), &a, false),
        ] {
            assert_eq!(owns(who, labels), want, "{who:?} {labels:?}");
        }
    }

    #[test]
    fn what_it_creates_belongs_to_it_and_to_nobody_else() {
        let owners = [
            owner("ci", Some("")),
            owner("ci", Some("a")),
            owner("ci", Some("ab")),
            owner("other", Some("a")),
        ];
        for made_by in owners {
            for asked in owners {
                let own = asked.owns(|key| made_by.labels().find(|it| it.0 == key).map(|it| it.1));
                assert_eq!(own, made_by == asked, "{made_by:?} {asked:?}");
                let label = format!("{} docker.io/library/x:1", made_by.of_image());
                assert_eq!(asked.made(&label), own, "{label} {asked:?}");
                assert_eq!(
                    asked.made(&made_by.of_image()),
                    own,
                    "{made_by:?} {asked:?}"
                );
                let named: Vec<_> = asked.names_in(&label).collect();
                let want: &[&str] = if own { &["docker.io/library/x:1"] } else { &[] };
                assert_eq!(named, want, "{label} {asked:?}");
            }
        }
    }
}
