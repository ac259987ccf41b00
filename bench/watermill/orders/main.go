// What bench/end_to_end.py compares mamey with: the same endpoint, outbox and inbox with Watermill. `orders` commits an order and its message
// in one transaction, and forwards it to RabbitMQ with confirms; `deliveries` writes an inbox row and a delivery in one transaction.
// usage: orders orders|deliveries POSTGRES_URL AMQP_URL [PORT]
package main

import (
	"context"
	stdsql "database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill-amqp/v3/pkg/amqp"
	"github.com/ThreeDotsLabs/watermill-sql/v4/pkg/sql"
	"github.com/ThreeDotsLabs/watermill/components/forwarder"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/google/uuid"
	_ "github.com/lib/pq"
)

const (
	destination = "watermill_order_placed"
	topic       = "orders_outbox"
	consumers   = 16
)

type order struct {
	ID       string `json:"orderId"`
	SKU      string `json:"sku"`
	Quantity int    `json:"quantity"`
}

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return value
}

func check(err error) { must(0, err) }

func place(db *stdsql.DB, schema sql.SchemaAdapter, placed order) error {
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if _, err := tx.Exec("insert into watermill.orders (id, sku, quantity) values ($1, $2, $3)", placed.ID, placed.SKU, placed.Quantity); err != nil {
		return err
	}
	into, err := sql.NewPublisher(sql.TxFromStdSQL(tx), sql.PublisherConfig{SchemaAdapter: schema}, watermill.NopLogger{})
	if err != nil {
		return err
	}
	body, err := json.Marshal(placed)
	if err != nil {
		return err
	}
	outbox := forwarder.NewPublisher(into, forwarder.PublisherConfig{ForwarderTopic: topic})
	if err := outbox.Publish(destination, message.NewMessage(watermill.NewUUID(), body)); err != nil {
		return err
	}
	return tx.Commit()
}

func orders(db *stdsql.DB, config amqp.Config, port string) {
	logger := watermill.NopLogger{}
	schema := sql.DefaultPostgreSQLSchema{}
	from := must(sql.NewSubscriber(sql.BeginnerFromStdSQL(db), sql.SubscriberConfig{
		SchemaAdapter:    schema,
		OffsetsAdapter:   sql.DefaultPostgreSQLOffsetsAdapter{},
		InitializeSchema: true,
		PollInterval:     10 * time.Millisecond,
	}, logger))
	check(from.SubscribeInitialize(topic))
	relay := must(forwarder.NewForwarder(from, must(amqp.NewPublisher(config, logger)), logger, forwarder.Config{ForwarderTopic: topic}))
	go func() { check(relay.Run(context.Background())) }()
	http.HandleFunc("POST /orders", func(out http.ResponseWriter, in *http.Request) {
		placed := order{ID: uuid.NewString()}
		if err := json.NewDecoder(in.Body).Decode(&placed); err != nil {
			http.Error(out, err.Error(), http.StatusBadRequest)
			return
		}
		if err := place(db, schema, placed); err != nil {
			http.Error(out, err.Error(), http.StatusServiceUnavailable)
			return
		}
		out.Header().Set("Location", "/orders/"+placed.ID)
		out.WriteHeader(http.StatusCreated)
	})
	check(http.ListenAndServe("127.0.0.1:"+port, nil))
}

func deliver(db *stdsql.DB, received *message.Message) error {
	started := time.Now()
	var placed order
	if err := json.Unmarshal(received.Payload, &placed); err != nil {
		return err
	}
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	inserted, err := tx.Exec("insert into watermill.inbox (message_id, handled_at) values ($1, now()) on conflict do nothing", received.UUID)
	if err != nil {
		return err
	}
	if rows, _ := inserted.RowsAffected(); rows == 0 {
		return nil
	}
	if _, err := tx.Exec("insert into watermill.deliveries (order_id, started_at) values ($1, $2)", placed.ID, started); err != nil {
		return err
	}
	return tx.Commit()
}

func deliveries(db *stdsql.DB, config amqp.Config) {
	config.Consume.Qos.PrefetchCount = 1
	for range consumers {
		messages := must(must(amqp.NewSubscriber(config, watermill.NopLogger{})).Subscribe(context.Background(), destination))
		go func() {
			for received := range messages {
				if err := deliver(db, received); err != nil {
					fmt.Fprintln(os.Stderr, err)
					received.Nack()
				} else {
					received.Ack()
				}
			}
		}()
	}
	fmt.Println("ready")
	select {}
}

func main() {
	db := must(stdsql.Open("postgres", os.Args[2]))
	db.SetMaxOpenConns(20)
	db.SetMaxIdleConns(20)
	config := amqp.NewDurableQueueConfig(os.Args[3])
	config.Publish.ConfirmDelivery = true
	config.Publish.ChannelPoolSize = 8
	if os.Args[1] == "orders" {
		orders(db, config, os.Args[4])
	}
	deliveries(db, config)
}
