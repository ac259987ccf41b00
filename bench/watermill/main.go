// What the outbox of mamey is compared with: Watermill's forwarder from PostgreSQL to RabbitMQ, publishing with confirms, durable queue,
// persistent messages of 256 B. usage: forward POSTGRES_URL AMQP_URL COUNT. Prints messages a second from its start to the last confirm.
package main

import (
	"context"
	stdsql "database/sql"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill-amqp/v3/pkg/amqp"
	"github.com/ThreeDotsLabs/watermill-sql/v4/pkg/sql"
	"github.com/ThreeDotsLabs/watermill/components/forwarder"
	"github.com/ThreeDotsLabs/watermill/message"
	_ "github.com/lib/pq"
)

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return value
}

const destination = "bench_watermill"

// counting tells when the last message has been confirmed: Publish returns after that.
type counting struct {
	message.Publisher
	left atomic.Int64
	done chan struct{}
}

func (c *counting) Publish(topic string, messages ...*message.Message) error {
	if err := c.Publisher.Publish(topic, messages...); err != nil {
		return err
	}
	if c.left.Add(-int64(len(messages))) == 0 {
		close(c.done)
	}
	return nil
}

func main() {
	count := must(strconv.Atoi(os.Args[3]))
	logger := watermill.NopLogger{}
	db := must(stdsql.Open("postgres", os.Args[1]))
	topic := "forward_" + strings.ReplaceAll(watermill.NewShortUUID(), "-", "_")

	schema := sql.DefaultPostgreSQLSchema{}
	into := must(sql.NewPublisher(sql.BeginnerFromStdSQL(db), sql.PublisherConfig{SchemaAdapter: schema, AutoInitializeSchema: true}, logger))
	outbox := forwarder.NewPublisher(into, forwarder.PublisherConfig{ForwarderTopic: topic})
	body := []byte(strings.Repeat("x", 256))
	for sent := 0; sent < count; sent += 100 {
		batch := make([]*message.Message, 0, 100)
		for i := sent; i < sent+100 && i < count; i++ {
			batch = append(batch, message.NewMessage(watermill.NewUUID(), body))
		}
		if err := outbox.Publish(destination, batch...); err != nil {
			must(0, err)
		}
	}

	config := amqp.NewDurableQueueConfig(os.Args[2])
	config.Publish.ConfirmDelivery = true
	config.Publish.ChannelPoolSize = 8
	// Without a queue the broker would confirm at once and keep nothing.
	queue := must(amqp.NewSubscriber(config, logger))
	if err := queue.SubscribeInitialize(destination); err != nil {
		must(0, err)
	}
	broker := &counting{Publisher: must(amqp.NewPublisher(config, logger)), done: make(chan struct{})}
	broker.left.Store(int64(count))
	from := must(sql.NewSubscriber(sql.BeginnerFromStdSQL(db), sql.SubscriberConfig{
		SchemaAdapter:    schema,
		OffsetsAdapter:   sql.DefaultPostgreSQLOffsetsAdapter{},
		InitializeSchema: true,
		PollInterval:     10 * time.Millisecond,
	}, logger))
	relay := must(forwarder.NewForwarder(from, broker, logger, forwarder.Config{ForwarderTopic: topic}))
	begin := time.Now()
	go func() { _ = relay.Run(context.Background()) }()
	<-broker.done
	fmt.Printf("%.1f\n", float64(count)/time.Since(begin).Seconds())
	os.Exit(0) // what is open goes with the process
}
