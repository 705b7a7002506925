import { Icon } from '../parts/icon.js';
import { t } from '../text/text.js';

/** What the shapes of the cells mean. */
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
    </div>
  );
}
