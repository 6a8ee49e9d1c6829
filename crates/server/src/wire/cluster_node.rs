//! Nodes of a farm on the wire.

use heliostat_api::models::{RestClusterNode, RestClusterNodeAddress};
use uuid::Uuid;

use super::MirrorWire;

impl MirrorWire {
    /// The nodes of the farm: this one, which has the mirror's address.
    pub fn farm_nodes(&self) -> Vec<RestClusterNode> {
        let (host, port) = self.authority();
        vec![RestClusterNode {
            id: self.node_id(),
            name: self.name.clone(),
            address: RestClusterNodeAddress { address: host, port: i32::from(port) },
            local: true,
            build_version: env!("CARGO_PKG_VERSION").to_owned(),
        }]
    }

    /// The id of this node, derived from the mirror's own, so that it stays the same from one start to the next.
    pub(super) fn node_id(&self) -> String {
        Uuid::new_v3(&Uuid::NAMESPACE_OID, self.server_id.as_bytes()).to_string()
    }
}

#[cfg(test)]
mod tests {
    use crate::wire::mirror_wire::tests::wire;

    #[test]
    fn a_mirror_alone_is_a_farm_of_one() {
        let nodes = wire().farm_nodes();
        assert_eq!(nodes.len(), 1);
        assert_eq!((nodes[0].local, nodes[0].address.port), (true, 443));
        assert_eq!(nodes, wire().farm_nodes());
    }
}
