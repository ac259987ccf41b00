#include "pricing_service.hpp"

int main(int argc, char** argv) { return pricing::app().run(argc, argv); }
