// Names as services on .NET compute them (the rules of conventions.hpp, applied by hand to what real services are called). A change here is a change on the wire.
#include <gtest/gtest.h>

#include <mamey/messaging/conventions.hpp>

namespace mamey {
namespace {

constexpr auto snake = name_casing::snake_case;
constexpr auto plain = name_casing::as_written;

struct named {
  const char *type, *exchange, *routing_key, *queue;  // declared by the message
  const char *assembly, *own_exchange, *queue_template;
  name_casing casing;
  const char *on_exchange, *by_key, *in_queue;
};

const named names_on_the_wire[] = {
    {"CreateOrder", "", "", "", "Conveyor.Services.Orders", "orders", "", snake, "orders", "create_order",
     "conveyor.services.orders/orders.create_order"},
    {"CreateOrder", "", "", "", "Conveyor.Services.Orders", "orders", "", plain, "orders", "CreateOrder",
     "Conveyor.Services.Orders/orders.CreateOrder"},
    {"OrderCreated", "", "", "", "Conveyor.Services.Orders", "orders", "", snake, "orders", "order_created",
     "conveyor.services.orders/orders.order_created"},
    {"OrderCreated", "", "", "", "Conveyor.Services.Orders", "orders", "", plain, "orders", "OrderCreated",
     "Conveyor.Services.Orders/orders.OrderCreated"},
    {"OrderCompleted", "", "", "", "Conveyor.Services.Orders", "orders", "", snake, "orders", "order_completed",
     "conveyor.services.orders/orders.order_completed"},
    {"OrderCompleted", "", "", "", "Conveyor.Services.Orders", "orders", "", plain, "orders", "OrderCompleted",
     "Conveyor.Services.Orders/orders.OrderCompleted"},
    {"CreateOrderRejected", "", "", "", "Conveyor.Services.Orders", "orders", "", snake, "orders", "create_order_rejected",
     "conveyor.services.orders/orders.create_order_rejected"},
    {"CreateOrderRejected", "", "", "", "Conveyor.Services.Orders", "orders", "", plain, "orders", "CreateOrderRejected",
     "Conveyor.Services.Orders/orders.CreateOrderRejected"},
    {"StartDelivery", "", "", "", "Conveyor.Services.Orders", "orders", "", snake, "orders", "start_delivery",
     "conveyor.services.orders/orders.start_delivery"},
    {"StartDelivery", "", "", "", "Conveyor.Services.Orders", "orders", "", plain, "orders", "StartDelivery",
     "Conveyor.Services.Orders/orders.StartDelivery"},
    {"OrderCreated", "orders", "", "", "Conveyor.Services.Deliveries", "deliveries", "", snake, "orders", "order_created",
     "conveyor.services.deliveries/orders.order_created"},
    {"OrderCreated", "orders", "", "", "Conveyor.Services.Deliveries", "deliveries", "", plain, "orders", "OrderCreated",
     "Conveyor.Services.Deliveries/orders.OrderCreated"},
    {"DeliveryStarted", "deliveries", "", "", "Conveyor.Services.Deliveries", "deliveries", "", snake, "deliveries", "delivery_started",
     "conveyor.services.deliveries/deliveries.delivery_started"},
    {"DeliveryStarted", "deliveries", "", "", "Conveyor.Services.Deliveries", "deliveries", "", plain, "deliveries", "DeliveryStarted",
     "Conveyor.Services.Deliveries/deliveries.DeliveryStarted"},
    {"PriceChanged", "pricing", "", "", "Conveyor.Services.Deliveries", "deliveries", "", snake, "pricing", "price_changed",
     "conveyor.services.deliveries/pricing.price_changed"},
    {"PriceChanged", "pricing", "", "", "Conveyor.Services.Deliveries", "deliveries", "", plain, "pricing", "PriceChanged",
     "Conveyor.Services.Deliveries/pricing.PriceChanged"},
    {"OrderCanceled", "orders", "", "", "Conveyor.Services.Deliveries", "deliveries", "", snake, "orders", "order_canceled",
     "conveyor.services.deliveries/orders.order_canceled"},
    {"OrderCanceled", "orders", "", "", "Conveyor.Services.Deliveries", "deliveries", "", plain, "orders", "OrderCanceled",
     "Conveyor.Services.Deliveries/orders.OrderCanceled"},
    {"ResourceReserved", "", "", "", "Pacco.Services.Availability", "availability", "availability-service/{{exchange}}.{{message}}", snake,
     "availability", "resource_reserved", "availability-service/availability.resource_reserved"},
    {"SignedUp", "", "", "", "Pacco.Services.Availability", "availability", "availability-service/{{exchange}}.{{message}}", snake,
     "availability", "signed_up", "availability-service/availability.signed_up"},
    {"ResourceReserved", "", "", "", "Pacco.Services.Customers", "customers", "customers-service/{{exchange}}.{{message}}", snake,
     "customers", "resource_reserved", "customers-service/customers.resource_reserved"},
    {"SignedUp", "", "", "", "Pacco.Services.Customers", "customers", "customers-service/{{exchange}}.{{message}}", snake, "customers",
     "signed_up", "customers-service/customers.signed_up"},
    {"ResourceReserved", "", "", "", "Pacco.Services.Identity", "identity", "identity-service/{{exchange}}.{{message}}", snake, "identity",
     "resource_reserved", "identity-service/identity.resource_reserved"},
    {"SignedUp", "", "", "", "Pacco.Services.Identity", "identity", "identity-service/{{exchange}}.{{message}}", snake, "identity",
     "signed_up", "identity-service/identity.signed_up"},
    {"ResourceReserved", "", "", "", "Pacco.Services.Operations", "operations", "operations-service/{{exchange}}.{{message}}", snake,
     "operations", "resource_reserved", "operations-service/operations.resource_reserved"},
    {"SignedUp", "", "", "", "Pacco.Services.Operations", "operations", "operations-service/{{exchange}}.{{message}}", snake, "operations",
     "signed_up", "operations-service/operations.signed_up"},
    {"ResourceReserved", "", "", "", "Pacco.Services.Ordermaker", "ordermaker", "ordermaker-service/{{exchange}}.{{message}}", snake,
     "ordermaker", "resource_reserved", "ordermaker-service/ordermaker.resource_reserved"},
    {"SignedUp", "", "", "", "Pacco.Services.Ordermaker", "ordermaker", "ordermaker-service/{{exchange}}.{{message}}", snake, "ordermaker",
     "signed_up", "ordermaker-service/ordermaker.signed_up"},
    {"ResourceReserved", "", "", "", "Pacco.Services.Parcels", "parcels", "parcels-service/{{exchange}}.{{message}}", snake, "parcels",
     "resource_reserved", "parcels-service/parcels.resource_reserved"},
    {"SignedUp", "", "", "", "Pacco.Services.Parcels", "parcels", "parcels-service/{{exchange}}.{{message}}", snake, "parcels", "signed_up",
     "parcels-service/parcels.signed_up"},
    {"ResourceReserved", "", "", "", "Pacco.Services.Vehicles", "vehicles", "vehicles-service/{{exchange}}.{{message}}", snake, "vehicles",
     "resource_reserved", "vehicles-service/vehicles.resource_reserved"},
    {"SignedUp", "", "", "", "Pacco.Services.Vehicles", "vehicles", "vehicles-service/{{exchange}}.{{message}}", snake, "vehicles",
     "signed_up", "vehicles-service/vehicles.signed_up"},
    {"CustomerBecameVip", "", "", "", "Mamey.FWID.Identities.Api", "identities", "identities-service/{{exchange}}.{{message}}", snake,
     "identities", "customer_became_vip", "identities-service/identities.customer_became_vip"},
    {"CustomerBecameVip", "", "", "", "Mamey.FWID.Identities.Api", "identities", "identities-service/{{exchange}}.{{message}}", plain,
     "identities", "CustomerBecameVip", "identities-service/identities.CustomerBecameVip"},
    {"DIDCreated", "", "", "", "Mamey.FWID.Identities.Api", "identities", "identities-service/{{exchange}}.{{message}}", snake,
     "identities", "d_i_d_created", "identities-service/identities.d_i_d_created"},
    {"DIDCreated", "", "", "", "Mamey.FWID.Identities.Api", "identities", "identities-service/{{exchange}}.{{message}}", plain,
     "identities", "DIDCreated", "identities-service/identities.DIDCreated"},
    {"ZKPProofGenerated", "", "", "", "Mamey.FWID.Identities.Api", "identities", "identities-service/{{exchange}}.{{message}}", snake,
     "identities", "z_k_p_proof_generated", "identities-service/identities.z_k_p_proof_generated"},
    {"ZKPProofGenerated", "", "", "", "Mamey.FWID.Identities.Api", "identities", "identities-service/{{exchange}}.{{message}}", plain,
     "identities", "ZKPProofGenerated", "identities-service/identities.ZKPProofGenerated"},
    {"VCIssued", "", "", "", "Mamey.FWID.Identities.Api", "identities", "identities-service/{{exchange}}.{{message}}", snake, "identities",
     "v_c_issued", "identities-service/identities.v_c_issued"},
    {"VCIssued", "", "", "", "Mamey.FWID.Identities.Api", "identities", "identities-service/{{exchange}}.{{message}}", plain, "identities",
     "VCIssued", "identities-service/identities.VCIssued"},
    {"IdentityV2Created", "", "", "", "Mamey.FWID.Identities.Api", "identities", "identities-service/{{exchange}}.{{message}}", snake,
     "identities", "identity_v2_created", "identities-service/identities.identity_v2_created"},
    {"IdentityV2Created", "", "", "", "Mamey.FWID.Identities.Api", "identities", "identities-service/{{exchange}}.{{message}}", plain,
     "identities", "IdentityV2Created", "identities-service/identities.IdentityV2Created"},
    {"AML_Checked", "", "", "", "Mamey.FWID.Identities.Api", "identities", "identities-service/{{exchange}}.{{message}}", snake,
     "identities", "a_m_l__checked", "identities-service/identities.a_m_l__checked"},
    {"AML_Checked", "", "", "", "Mamey.FWID.Identities.Api", "identities", "identities-service/{{exchange}}.{{message}}", plain,
     "identities", "AML_Checked", "identities-service/identities.AML_Checked"},
    {"KYCPassed", "", "", "", "Mamey.FWID.Identities.Api", "identities", "identities-service/{{exchange}}.{{message}}", snake, "identities",
     "k_y_c_passed", "identities-service/identities.k_y_c_passed"},
    {"KYCPassed", "", "", "", "Mamey.FWID.Identities.Api", "identities", "identities-service/{{exchange}}.{{message}}", plain, "identities",
     "KYCPassed", "identities-service/identities.KYCPassed"},
    {"X", "", "", "", "A", "x", "", snake, "x", "x", "a/x.x"},
    {"aB", "", "", "", "A", "x", "", snake, "x", "a_b", "a/x.a_b"},
    {"A1B2", "", "", "", "Abc.Def", "MyExchange", "", snake, "my_exchange", "a1_b2", "abc.def/my_exchange.a1_b2"},
    {"OrderCreated", "", "", "", "Orders", "", "", plain, "Orders", "OrderCreated", "Orders/.OrderCreated"},
    {"OrderCreated", "", "", "", "Orders.Api", "", "", snake, "orders.api", "order_created", "orders.api/.order_created"},
    {"OrderCreated", "", "order.Created.v2", "", "A", "SalesOrders", "", snake, "sales_orders", "order.created.v2",
     "a/sales_orders.order_created"},
    {"OrderCreated", "", "", "Shared/Queue.Orders", "A", "o", "", snake, "o", "order_created", "shared/queue.orders"},
    {"OrderCreated", "", "", "Shared/Queue.Orders", "A", "o", "", plain, "o", "OrderCreated", "Shared/Queue.Orders"},
    {"OrderCreated", "Their.Exchange", "#", "", "A", "o", "", snake, "their.exchange", "#", "a/their.exchange.order_created"},
    {"OrderCreated", "", "", "", "A", "o", "{{message}}", snake, "o", "order_created", "order_created"},
    {"OrderCreated", "", "", "", "A", "o", "{{exchange}}/{{exchange}}.{{message}}.{{message}}", snake, "o", "order_created",
     "o/o.order_created.order_created"},
    {"OrderCreated", "", "", "", "My.App", "o", "Prefix{{assembly}}Suffix.{{message}}", snake, "o", "order_created",
     "prefix_my.app_suffix.order_created"},
    {"Order_Created", "", "", "", "A", "o", "", snake, "o", "order__created", "a/o.order__created"},
    {"OrderCreatedEvent", "", "", "", "A-B", "a-B", "", snake, "a-_b", "order_created_event", "a-_b/a-_b.order_created_event"},
    {"ordercreated", "", "", "", "a", "o", "", snake, "o", "ordercreated", "a/o.ordercreated"},
    {"ORDER", "", "", "", "a", "o", "", snake, "o", "o_r_d_e_r", "a/o.o_r_d_e_r"},
};
static_assert(std::size(names_on_the_wire) >= 60);

TEST(conventions, names_are_those_of_the_reference_byte_for_byte) {
  for (const auto& each : names_on_the_wire) {
    const auto names =
        names_of(each.type, {.exchange = each.exchange, .routing_key = each.routing_key, .queue = each.queue},
                 {.assembly = each.assembly, .exchange = each.own_exchange, .queue_template = each.queue_template, .casing = each.casing});
    EXPECT_EQ(names.exchange, each.on_exchange) << each.type;
    EXPECT_EQ(names.routing_key, each.by_key) << each.type;
    EXPECT_EQ(names.queue, each.in_queue) << each.type;
  }
}

}  // namespace
}  // namespace mamey
