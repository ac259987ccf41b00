#include <mamey/persistence/sqlite/feature.hpp>

#include "tickets.hpp"

int main(int argc, char** argv) {
  return mamey::application("tickets").add(mamey::sqlite()).add(mamey::messaging()).add(tickets::service()).run(argc, argv);
}
