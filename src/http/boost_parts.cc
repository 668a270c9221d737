// The compiled half of Boost.Asio and Boost.Beast, once, rather than inlined into every file that
// includes them.
#include <boost/asio/impl/src.hpp>
#include <boost/asio/ssl/impl/src.hpp>
#include <boost/beast/src.hpp>
