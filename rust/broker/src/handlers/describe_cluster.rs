//! `DescribeCluster` (key 60), v0-v2: the cluster's id and its brokers (KIP-700).
//!
//! v1 can ask for controllers (KIP-919), which are asked on a listener of their own; v2 names
//! fenced brokers (KIP-1073).

use base::ErrorCode;
use wire::describe_cluster::{
    DescribeClusterBroker, DescribeClusterRequest, DescribeClusterResponse,
};

use crate::authorized_operations::CLUSTER;
use crate::request::RequestContext;

const BROKERS: i8 = 1;
const CONTROLLERS: i8 = 2;

/// Answers with the brokers.
pub(crate) fn handle(
    context: &RequestContext,
    request: &DescribeClusterRequest,
) -> DescribeClusterResponse {
    if request.endpoint_type != BROKERS {
        return refused(request.endpoint_type);
    }
    let image = context.broker.controller.image();
    let brokers = context.broker.end_points(&image, &context.connection).into_iter();
    let mut response = DescribeClusterResponse {
        cluster_id: image.cluster_id().unwrap_or_default().to_owned(),
        controller_id: context.broker.node_id.0,
        brokers: brokers
            .map(|broker| DescribeClusterBroker {
                broker_id: broker.node_id.0,
                host: broker.host,
                port: broker.port,
                rack: broker.rack,
                is_fenced: false,
            })
            .collect(),
        ..DescribeClusterResponse::default()
    };
    if request.include_cluster_authorized_operations {
        response.cluster_authorized_operations = CLUSTER;
    }
    response
}

fn refused(endpoint_type: i8) -> DescribeClusterResponse {
    let (code, message) = if endpoint_type == CONTROLLERS {
        let message = "The request was sent to an endpoint of type BROKER, but we wanted an \
                       endpoint of type CONTROLLER";
        (ErrorCode::MismatchedEndpointType, message.to_owned())
    } else {
        (ErrorCode::UnsupportedEndpointType, format!("Unsupported endpoint type {endpoint_type}"))
    };
    DescribeClusterResponse {
        error_code: code.code(),
        error_message: Some(message),
        endpoint_type,
        ..DescribeClusterResponse::default()
    }
}
