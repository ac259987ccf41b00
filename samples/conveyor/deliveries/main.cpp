#include "deliveries.hpp"

int main(int argc, char** argv) { return deliveries::app().run(argc, argv); }
