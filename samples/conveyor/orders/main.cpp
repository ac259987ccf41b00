#include "orders.hpp"

int main(int argc, char** argv) { return orders::app().run(argc, argv); }
