import { Icon } from '../parts/icon.js';
import { t } from '../text/text.js';

/** What the shapes of the cells mean, and the keys that change them; the grid tells its readers itself. */
export function Legend() {
  return (
    <div className="legend" aria-hidden="true">
      <span>
        <span className="matrix-cell cell-granted">
          <span className="cell-box">
            <Icon name="check" size={12} />
          </span>
        </span>
        {t('rbac.legend.granted')}
      </span>
      <span>
        <span className="matrix-cell cell-granted">
          <span className="cell-box cell-locked">
            <Icon name="check" size={14} />
          </span>
        </span>
        {t('rbac.legend.locked')}
      </span>
      <span>
        <span className="matrix-cell cell-adding">
          <span className="cell-box">
            <Icon name="check" size={12} />
            <span className="cell-mark">+</span>
          </span>
        </span>
        {t('rbac.legend.adding')}
      </span>
      <span>
        <span className="matrix-cell cell-removing">
          <span className="cell-box">
            <span className="cell-mark">−</span>
          </span>
        </span>
        {t('rbac.legend.removing')}
      </span>
      <span className="legend-keys">
        <span>
          <kbd>Space</kbd> {t('rbac.legend.cell')}
        </span>
        <span>
          <kbd>Shift</kbd>+<kbd>Space</kbd> {t('rbac.legend.row')}
        </span>
        <span>
          <kbd>Ctrl</kbd>+<kbd>Space</kbd> {t('rbac.legend.column')}
        </span>
      </span>
    </div>
  );
}
