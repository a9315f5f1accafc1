/* Goal: x
 * Method: y */
int main(void)
{
    return 0;
}
